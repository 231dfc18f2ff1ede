"""Signing people in to other applications: what a registration says of it, who has which role, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit, choice, flag
from integrations.simulator.control.subjects import Enrolment
from integrations.simulator.entra import lies
from integrations.simulator.entra.lies import Lies
from integrations.simulator.models import Application, NameId, Person, ServicePrincipal, Signs, Tenant

GROUP = "Single sign-on"
LIES = "Single sign-on: what is wrong with it"
DAY = 24 * 60
CERTIFICATES = {
    lies.CURRENT: "The usual one",
    lies.EXPIRED: "One that has expired",
    lies.UNPUBLISHED: "A new one, not in the metadata yet",
    lies.PUBLISHED: "A new one, in the metadata beside the usual one",
}
SIGNATURES = {lies.RIGHT: "As it should be", lies.NONE: "None", lies.BROKEN: "One that does not fit"}


def identifier_uris(application: Application, *, identifier_uris: list[str], now: datetime) -> str:
    Application.objects.filter(pk=application.pk).update(identifier_uris=identifier_uris)
    return f"SAML requests call {application.name} {', '.join(identifier_uris) or 'nothing'}."


def saml_tokens(application: Application, *, name_id: str, signs: str, now: datetime) -> str:
    Application.objects.filter(pk=application.pk).update(name_id=name_id, signs=signs)
    return (
        f"Of {application.name}: NameID {NameId(name_id).label.lower()}; what is signed: {Signs(signs).label.lower()}."
    )


def tell_groups(application: Application, *, on: bool, now: datetime) -> str:
    Application.objects.filter(pk=application.pk).update(tells_groups=on)
    return f"Sign-ins to {application.name} {'name' if on else 'do not name'} the person’s groups."


def set_groups(person: Person, *, groups: list[str], now: datetime) -> str:
    Person.objects.filter(pk=person.pk).update(groups=groups)
    return f"{person.name} is a member of {len(groups)} group{'' if len(groups) == 1 else 's'}."


def assign_role(enrolment: Enrolment, *, role: str, people: list[Person], now: datetime) -> str:
    if role not in enrolment.application.app_roles:
        known = ", ".join(enrolment.application.app_roles) or "none"
        raise Unfit(f"{enrolment.application.name} has no role “{role[:100]}”. It has: {known}.")
    chosen = {str(person.oid) for person in enrolment.own(people)}
    held = {oid: [one for one in roles if one != role] for oid, roles in enrolment.there.assigned_roles.items()}
    for oid in chosen:
        held.setdefault(oid, []).append(role)
    _set(enrolment, assigned_roles={oid: roles for oid, roles in held.items() if roles})
    return f"{role} of {enrolment.application.name}: {', '.join(person.name for person in people) or 'nobody'}."


def take_down(tenant: Tenant, *, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(is_sign_in_down=True)
    return f"{tenant.name}’s sign-in is down: 503 to whoever names the organization in the address."


def bring_up(tenant: Tenant, *, now: datetime) -> str:
    Tenant.objects.filter(pk=tenant.pk).update(is_sign_in_down=False)
    return f"{tenant.name}’s sign-in is up."


def certificate(enrolment: Enrolment, *, certificate: str, now: datetime) -> str:
    _lie(enrolment, certificate=certificate)
    return f"What signs for {enrolment.application.name}: {CERTIFICATES[certificate].lower()}."


def signature(enrolment: Enrolment, *, signature: str, now: datetime) -> str:
    _lie(enrolment, signature=signature)
    return f"The signature for {enrolment.application.name}: {SIGNATURES[signature].lower()}."


def clock(enrolment: Enrolment, *, minutes: int, behind: bool, now: datetime) -> str:
    _lie(enrolment, clock_minutes=-minutes if behind else minutes)
    if not minutes:
        return f"Sign-ins to {enrolment.application.name} are dated truly."
    return f"Sign-ins to {enrolment.application.name} are dated {minutes} min {'too early' if behind else 'ahead'}."


def leave_out_email(enrolment: Enrolment, *, on: bool, now: datetime) -> str:
    _lie(enrolment, without_email=on)
    return f"Sign-ins to {enrolment.application.name} {'lack' if on else 'have'} the e-mail address."


def wrong_audience(enrolment: Enrolment, *, on: bool, now: datetime) -> str:
    _lie(enrolment, wrong_audience=on)
    return f"Sign-ins to {enrolment.application.name} are for {'another application' if on else 'it'}."


def replay(enrolment: Enrolment, *, on: bool, now: datetime) -> str:
    _lie(enrolment, replays=on)
    what = "the last answer once more" if on else "an answer of its own"
    return f"Each sign-in to {enrolment.application.name} gets {what}."


def be_honest(enrolment: Enrolment, *, now: datetime) -> str:
    _set(enrolment, lies={})
    return f"Sign-ins to {enrolment.application.name} are as they should be."


def _lie(enrolment: Enrolment, **told: Any) -> None:
    _set(enrolment, lies={**enrolment.there.lies, **told})


def _set(enrolment: Enrolment, **values: Any) -> None:
    ServicePrincipal.objects.filter(pk=enrolment.there.pk).update(**values)


def _now(enrolment: Enrolment) -> Lies:
    return Lies(**enrolment.principal.lies) if enrolment.principal else Lies()


def _is_there(enrolment: Enrolment) -> bool:
    return enrolment.principal is not None


def _wrong(name: str, label: str, effect: str, do: Callable[..., str], *parameters: Parameter) -> Action:
    return Action(
        on="principals",
        name=name,
        label=label,
        group=LIES,
        effect=effect,
        do=do,
        parameters=parameters,
        is_harmful=True,
        fits=_is_there,
    )


ACTIONS = (
    Action(
        on="tenants",
        name="sign-in-down",
        label="Take the sign-in down",
        group=GROUP,
        effect="Discovery, keys, metadata, sign-in and tokens of this organization, where the address names it: 503, "
        "with Retry-After. Addresses with “organizations” go on.",
        do=take_down,
        is_harmful=True,
        fits=lambda tenant: not tenant.is_sign_in_down,
    ),
    Action(
        on="tenants",
        name="sign-in-up",
        label="Bring the sign-in up",
        group=GROUP,
        effect="It answers again.",
        do=bring_up,
        fits=lambda tenant: tenant.is_sign_in_down,
    ),
    Action(
        on="people",
        name="groups",
        label="Groups",
        group=GROUP,
        effect="What applications are told that ask for groups. More than 200 (150 in an assertion) are not listed: "
        "there is a link instead.",
        do=set_groups,
        parameters=(
            Parameter(
                name="groups",
                label="Names",
                kind=Kind.WORDS,
                is_required=False,
                default=[],
                current=lambda person: person.groups,
            ),
        ),
    ),
    Action(
        on="applications",
        name="identifier-uris",
        label="Identifiers for SAML",
        group=GROUP,
        effect="By which entity IDs a SAML request may call it; any other gets AADSTS700016 on a page. Reply URLs are "
        "its redirect URIs.",
        do=identifier_uris,
        parameters=(
            Parameter(
                name="identifier_uris",
                label="Entity IDs",
                kind=Kind.WORDS,
                is_required=False,
                default=[],
                current=lambda application: application.identifier_uris,
            ),
        ),
        is_harmful=True,
    ),
    Action(
        on="applications",
        name="saml-tokens",
        label="What SAML answers are like",
        group=GROUP,
        effect="What people are called by where a request leaves it open, and what is signed.",
        do=saml_tokens,
        parameters=(
            choice(
                "name_id",
                "NameID",
                {str(value): str(label) for value, label in NameId.choices},
                current=lambda application: application.name_id,
            ),
            choice(
                "signs",
                "What is signed",
                {str(value): str(label) for value, label in Signs.choices},
                current=lambda application: application.signs,
            ),
        ),
    ),
    Action(
        on="applications",
        name="tell-groups",
        label="Groups in tokens",
        group=GROUP,
        effect="The registration’s groupMembershipClaims: object ids of the person’s security groups.",
        do=tell_groups,
        parameters=(flag("on", "Named", current=lambda application: application.tells_groups),),
    ),
    Action(
        on="principals",
        name="assign-role",
        label="Assign a role of the application",
        group=GROUP,
        effect="Exactly these people have it; it stands in their tokens.",
        do=assign_role,
        parameters=(
            Parameter(name="role", label="Role"),
            Parameter(name="people", label="Sign-in names", kind=Kind.PEOPLE, is_required=False, default=[]),
        ),
        fits=_is_there,
    ),
    _wrong(
        "sso-certificate",
        "Change what signs",
        "SAML: the certificate, and what the application’s metadata shows. OpenID Connect: a new key that is not "
        "published signs id_tokens; the other choices change nothing there.",
        certificate,
        choice("certificate", "Certificate", CERTIFICATES, current=lambda enrolment: _now(enrolment).certificate),
    ),
    _wrong(
        "sso-signature",
        "Change the signature",
        "Of assertions and id_tokens. Without one, or with one that does not fit, nobody should be let in.",
        signature,
        choice("signature", "Signature", SIGNATURES, current=lambda enrolment: _now(enrolment).signature),
    ),
    _wrong(
        "sso-clock",
        "Put the clock wrong",
        "All times in assertions and id_tokens are off by so much. 0 ends it.",
        clock,
        Parameter(
            name="minutes",
            label="Minutes",
            kind=Kind.NUMBER,
            most=DAY,
            current=lambda enrolment: abs(_now(enrolment).clock_minutes),
        ),
        flag("behind", "Behind, not ahead", default=False, current=lambda enrolment: _now(enrolment).clock_minutes < 0),
    ),
    _wrong(
        "sso-email",
        "Leave out the e-mail address",
        "The claims “email” and “preferred_username” and the attributes “emailaddress” and “name” are missing; "
        "userinfo has none, either.",
        leave_out_email,
        flag("on", "Left out", current=lambda enrolment: _now(enrolment).without_email),
    ),
    _wrong(
        "sso-audience",
        "Say it to another application",
        "The audience is somebody else’s.",
        wrong_audience,
        flag("on", "Wrong", current=lambda enrolment: _now(enrolment).wrong_audience),
    ),
    _wrong(
        "sso-replay",
        "Replay",
        "Whoever signs in gets the answer that was given last, whosever it was: the same assertion or id_token.",
        replay,
        flag("on", "Replayed", current=lambda enrolment: _now(enrolment).replays),
    ),
    Action(
        on="principals",
        name="sso-honest",
        label="As it should be",
        group=LIES,
        effect="Nothing is wrong with it any more.",
        do=be_honest,
        fits=lambda enrolment: enrolment.principal is not None and bool(enrolment.principal.lies),
    ),
)
