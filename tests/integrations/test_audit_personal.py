"""Whatever the audit log holds of a person is declared personal, so that an erasure finds all of it.

The test lives through every action there is and then looks at what was written, whatever the actions declare.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts import audit, deleting, domains, groups, invitations, people
from accounts.audit.declarations import Action
from accounts.cascade import declare, write
from accounts.domain_proofs import record
from accounts.models import (
    AssociatedDomain,
    AuditEntry,
    Bond,
    DomainState,
    IdentityProvider,
    Protocol,
    Role,
    SingleSignOnIdentity,
    User,
)
from accounts.models.audit import MASKED_PERSON
from accounts.sign_in import second_factor
from accounts.single_sign_on import identities, only, rereading, saml_metadata, setting_up, settling
from accounts.single_sign_on.vouched import Vouched
from integrations import (
    approvals,
    connecting,
    consent_proof,
    diagnosis,
    disconnecting,
    fitting,
    prompt_resets,
    states,
    trials,
)
from integrations.diagnosis import bundle
from integrations.exchange import servers
from integrations.failures import Failure, Outcome, Reason
from integrations.leaving_ews import going_back, moving
from integrations.models import Connection, State, TenantLink, Trouble
from integrations.organization import drift, links, rows, trips
from integrations.organization.needs import Needs
from integrations.organization.rows import Ending, Verdict
from integrations.preferences import Integrations, Method
from tests.cast import PASSWORD, Cast, ClientOf
from tests.integrations import leaving
from tests.integrations.authorized import authorized, connected_by, set_up_by_admin
from tests.integrations.prompted import asked
from tests.integrations.served import read, served, tied_to
from tests.integrations.stopped import KESTREL, consented, made, proved, queue, recorded, stopped
from tests.integrations.tied import take_back
from tests.integrations.travelling import learnt, own
from tests.integrations.wired import connected
from tests.name_server import NameServer
from tests.saml_provider import SamlProvider
from tests.simulated import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

ENABLED = declare.setting_of(Integrations, "enabled")
GRACE = declare.setting_of(Integrations, "grace")
# About jobs, which are nobody: counts of rows, and a title that the portal writes. And those of other tests.
OF_NOBODY = ("job.", "test")
NOW = timezone.now


@pytest.fixture
def lived(cast: Cast, microsoft: Simulator, client_of: ClientOf) -> dict[int, tuple[str, ...]]:
    """A life of the account with every action in it. Answers what each person was ever called, by key."""
    called = dict(_people(cast))
    _groups(cast)
    _sign_in(cast)
    _leaving_ews(cast, microsoft)
    _own_server(cast)
    _settings(cast)
    _calendars(cast, microsoft)
    _consent_of_an_organization(cast)
    _drift(cast)
    _approvals(cast, microsoft)
    _authorizing(cast)
    _by_the_organization(cast)
    _domains(cast)
    _identity(cast)
    _second_factor(cast, client_of)
    client_of(cast.dana).get(reverse("audit_download"), {"person": str(cast.bob.pk), "q": "Alice"})
    client_of(cast.dana).get(reverse("sign_ins_csv"), {"person": str(cast.bob.pk), "q": "Alice"})
    client_of(cast.dana).get(reverse("connections_csv"), {"q": "Alice", "state": "connected"})
    client_of(cast.dana).get(reverse("ews_csv"), {"q": "Alice"})
    _prompts(cast, client_of)
    for person in (cast.dana, cast.gus, cast.alice, cast.bob, cast.wilhelmina):
        called[person.pk] = (person.name, person.email)
    called[cast.bob.pk] += ("Robert", "robert@kestrel.example")
    return called


def _people(cast: Cast) -> Iterator[tuple[int, tuple[str, ...]]]:
    founder = people.found_account(name="Heron", owner_email="ida@heron.example", owner_name="Ida", now=NOW())
    yield founder.pk, ("Ida", "ida@heron.example")
    given: dict[str, Any] = {"account": cast.kestrel, "role": Role.MEMBER, "actor": cast.dana, "now": NOW()}
    for name in ("Zoe", "Yara", "Xenia"):
        email = f"{name.lower()}@kestrel.example"
        invited = people.invite(email=email, name=name, groups=[cast.sales], **given).person
        yield invited.pk, (name, email)
        people.invite_again(invited, actor=cast.dana, now=NOW())
        if name == "Zoe":
            people.withdraw(invited, actor=cast.dana, now=NOW())
        elif name == "Yara":
            people.accept(User.objects.get(pk=invited.pk), name=name, password=PASSWORD, time_zone="UTC", now=NOW())
            people.change_role(invited, role=Role.ADMIN, actor=cast.dana, now=NOW())
            people.deactivate(invited, actor=cast.dana, now=NOW())
            people.reactivate(invited, actor=cast.dana, now=NOW())
            deleting.delete(invited, actor=cast.dana, now=NOW())
        else:
            with transaction.atomic():
                invitations.remove_expired(email, but_of=cast.corvid, now=NOW() + invitations.LIFETIME)


def _groups(cast: Cast) -> None:
    given: dict[str, Any] = {"actor": cast.dana, "now": NOW()}
    owls = groups.rename(groups.create(account=cast.kestrel, name="Owl", **given), name="Owls", **given)
    groups.rank(owls, above=cast.sales, **given)
    groups.add_members(owls, [cast.bob.pk, cast.alice.pk], **given)
    groups.choose_primary(cast.alice, owls, **given)
    groups.appoint_admin(owls, cast.bob, **given)
    groups.dismiss_admin(owls, cast.bob, **given)
    groups.remove_members(owls, [cast.bob.pk], **given)
    groups.delete(owls, **given)


def _sign_in(cast: Cast) -> None:
    """Bob signs in and changes his name, his address, and his password: once knowing the old one, once not."""
    browser, new = Client(), {"password1": "another-quiet-harbour-43", "password2": "another-quiet-harbour-43"}
    browser.post(reverse("account_login"), {"login": cast.bob.email, "password": PASSWORD})
    people.rename(cast.bob, name="Robert", time_zone="Asia/Tokyo", actor=cast.bob, now=NOW())
    wish = {"email": "robert@kestrel.example", "action_add": "1"}
    asked = browser.post(reverse("account_email"), wish, follow=True).content.decode()
    back = asked.split('name="next" value="')[1].split('"')[0]
    browser.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": back}, follow=True)
    browser.post(_link("/auth/confirm-email/"))
    browser.post(reverse("account_change_password"), {"oldpassword": PASSWORD, **new})
    Client().post(reverse("account_reset_password"), {"email": "robert@kestrel.example"})
    stranger = Client()
    form = stranger.get(_link("/auth/password/reset/key/"), follow=True)
    stranger.post(form.request["PATH_INFO"], {"password1": PASSWORD, "password2": PASSWORD})


def _link(path: str) -> str:
    """The one in the newest letter that has such a link."""
    body = next(str(letter.body) for letter in reversed(mail.outbox) if path in str(letter.body))
    return path + body.split(path)[1].split()[0]


def _settings(cast: Cast) -> None:
    for at in (cast.kestrel, cast.sales, cast.alice):
        given: dict[str, Any] = {"at": at, "actor": cast.dana, "now": NOW()}
        write.choose(ENABLED, True, **given)
        if at is not cast.alice:
            write.choose(ENABLED, True, is_locked=True, **given)
            write.choose(ENABLED, True, is_locked=False, **given)
    write.inherit(ENABLED, at=cast.sales, actor=cast.dana, now=NOW())


def _own_server(cast: Cast) -> None:
    server = served(cast.kestrel, cast.dana)
    (one,) = tied_to(server, Method.IMPERSONATION, [cast.alice])
    servers.set_impersonation(server, user_name="KESTREL\\other", password="another one", actor=cast.dana, now=NOW())
    states.impersonation_refused([one.pk], now=NOW())
    states.impersonation_allowed([one.pk], now=NOW())
    refused = Failure(Outcome.AUTHORIZATION_LOST, Reason.PASSWORD_REFUSED)
    states.server_troubled(read(server), refused, now=NOW())
    states.server_works(read(server), now=NOW())
    untrusted = Failure(Outcome.APP_GONE, Reason.CERTIFICATE_UNTRUSTED)
    states.server_troubled(read(server), untrusted, now=NOW())
    states.server_works(read(server), now=NOW())
    servers.remove_impersonation(server, actor=cast.dana, now=NOW())
    one.delete()


def _leaving_ews(cast: Cast, microsoft: Simulator) -> None:
    """Alice goes from EWS to Graph, and back."""
    connection = leaving.by_ews(cast.alice, microsoft, by=cast.dana)
    leaving.say(leaving.GRAPH, at=cast.kestrel, by=cast.dana)
    moving.move(connection.pk, now=NOW())
    leaving.say(leaving.EWS, at=cast.kestrel, by=cast.dana)
    going_back.go_back(connection.pk, actor=cast.dana, now=NOW())
    connection.delete()
    take_back("services", at=cast.kestrel, by=cast.dana, now=NOW())
    microsoft.control("POST", "reset")


def _calendars(cast: Cast, microsoft: Simulator) -> None:
    """Alice's real connection ends by her own wish; those of others by the settings and by Microsoft."""
    connected(cast.alice, microsoft, calendar_write=True)
    connecting.narrow(cast.alice, calendar_write=False, contacts_write=False, now=NOW())
    disconnecting.disconnect(cast.alice, actor=cast.alice, now=NOW())
    held = [
        Connection.objects.create(user=person, state=State.CONNECTED, since_at=NOW(), address=f"mailbox.{person.email}")
        for person in (cast.gus, cast.wilhelmina)
    ]
    given: dict[str, Any] = {"at": cast.kestrel, "actor": cast.dana}
    for is_on in (False, True, False):
        write.choose(ENABLED, is_on, now=NOW(), **given)
        fitting.apply_policy(cast.kestrel, now=NOW())
    fitting.let_go(cast.kestrel, now=NOW() + timedelta(days=30))
    write.choose(GRACE, 0, now=NOW(), **given)
    Connection.objects.filter(pk=held[0].pk).update(state=State.CONNECTED)
    fitting.apply_policy(cast.kestrel, now=NOW())
    Connection.objects.filter(pk=held[1].pk).update(state=State.CONNECTED)
    lost = Connection.objects.select_related("user__account").get(pk=held[1].pk)
    states.went_wrong(lost, Failure(Outcome.AUTHORIZATION_LOST, Reason.SESSIONS_REVOKED), now=NOW())
    found = Connection.objects.filter(pk=held[1].pk)
    found.update(reason=Reason.LOST_IN_FLIGHT)
    states.found_after_all(lost, {}, now=NOW())
    found.update(state=State.NEEDS_REAUTH)
    a_day_ago = {"refused_since": NOW() - states.STANDING, "connected_at": NOW()}
    moved = Connection.objects.filter(pk=held[0].pk)
    moved.update(state=State.DEGRADED, trouble=Trouble.MAILBOX, **a_day_ago)
    nowhere = Failure(Outcome.NOT_ELIGIBLE, Reason.NO_MAILBOX)
    states.went_wrong(moved.select_related("user__account").get(), nowhere, now=NOW(), of=Trouble.MAILBOX)
    states.went_well(moved.select_related("user__account").get(), now=NOW(), of=Trouble.MAILBOX)
    bundle.downloaded(diagnosis.read(lost, reader=cast.dana, now=NOW()))
    trials.begin(cast.gus, by=cast.dana, now=NOW())


def _consent_of_an_organization(cast: Cast) -> None:
    """It is lost and found; then it keeps Bob out and lets him in, before it is forgotten."""
    link = authorized(cast.kestrel)
    [bobs] = connected_by(link, [cast.bob])
    states.link_troubled(link, Failure(Outcome.APP_GONE, Reason.APP_REMOVED), now=NOW())
    states.link_works(link, now=NOW())
    states.scoped_out([bobs.pk], now=NOW())
    states.let_in([bobs.pk], now=NOW())
    bobs.delete()
    link.delete()


def _drift(cast: Cast) -> None:
    link = authorized(cast.kestrel)
    needed = ["Calendars.ReadWrite", "User.Read.All"]
    for roles in (needed, [*needed, "Mail.Read"], needed):
        TenantLink.objects.filter(pk=link.pk).update(roles=roles, roles_at=NOW())
        drift.look(link.pk, now=NOW())
    drift.look(link.pk, now=NOW(), needed=Needs(writes_calendars=False))
    link.delete()


def _approvals(cast: Cast, microsoft: Simulator) -> None:
    """Bob and Wilhelmina wait for an administrator, who declines, forges, and consents; Gus is stopped by the settings,
    and Alice takes it back."""
    write.choose(ENABLED, True, at=cast.kestrel, actor=cast.dana, now=NOW())
    microsoft.control("POST", "tenants/kestrel.example/user-consent", {"setting": "not_allowed"})
    stopped(cast.alice, microsoft)
    approvals.take_back(cast.alice, actor=cast.alice, now=NOW())
    queue([cast.wilhelmina, cast.gus])
    approvals.release_by_word(cast.kestrel, KESTREL, actor=cast.dana, now=NOW())
    write.choose(ENABLED, False, at=cast.gus, actor=cast.gus, now=NOW())
    approvals.fit(cast.kestrel, now=NOW())
    queue([cast.bob])
    link = made(cast.kestrel, cast.dana)
    recorded(consented(link, microsoft, answer="cancel"))
    recorded(consented(link, microsoft))
    at = f"applications/{microsoft.client_id}/tenants/kestrel.example"
    microsoft.control("POST", f"{at}/remove")
    proved(link, after=consent_proof.SPREADS_FOR + timedelta(minutes=1))
    microsoft.control("POST", f"{at}/add")
    consent_proof.check_again(cast.kestrel, KESTREL, now=NOW())
    proved(link)


def _authorizing(cast: Cast) -> None:
    """Dana begins an authorization of the organization, which comes to nothing, and cancels one that she handed on."""
    own(cast.kestrel, "kestrel.example")
    learnt(cast.kestrel)
    given: dict[str, Any] = {"domain": "kestrel.example", "by": cast.dana, "now": NOW()}
    trips.refuse(trips.begin(cast.kestrel, **given), Reason.DECLINED, now=NOW())
    trips.stop(trips.begin(cast.kestrel, is_handed_on=True, **given), actor=cast.dana, now=NOW())


def _by_the_organization(cast: Cast) -> None:
    """It is authorized, and again; Alice is connected by it, Wilhelmina is moved, Bob has no mailbox; then it ends."""
    set_up_by_admin(cast.kestrel, by=cast.dana)
    for person in (cast.alice, cast.bob, cast.wilhelmina):
        write.choose(ENABLED, True, at=person, actor=cast.dana, now=NOW())
    given: dict[str, Any] = {"domain": "kestrel.example", "by": cast.dana, "now": NOW()}
    for _ in range(2):
        link = links.establish(trips.begin(cast.kestrel, **given), ["Calendars.Read"], now=NOW())
    own_one = {"state": State.CONNECTED, "tenant_id": link.tenant_id, "object_id": "w", "address": "w@kestrel.example"}
    Connection.objects.filter(user=cast.wilhelmina).update(**own_one)
    Connection.objects.filter(user__in=[cast.alice, cast.bob]).delete()
    User.objects.filter(pk=cast.bob.pk).update(email="bob@kestrel.example")
    told = [
        Verdict(cast.alice.pk, "a", "mailbox.alice@kestrel.example", is_open=True),
        Verdict(cast.wilhelmina.pk, "w", "w@kestrel.example", is_open=True),
        Verdict(cast.bob.pk, "", "robert@kestrel.example", ending=Ending.NO_MAILBOX, reason=Reason.NO_MAILBOX),
    ]
    rows.write(link, {one.person: one for one in told}, now=NOW())
    links.leave(link, [cast.wilhelmina.pk], Reason.NOT_COVERED, now=NOW())
    links.use_for(link, ["kestrel.example", "owl.example"], now=NOW())
    links.ended(link, actor=cast.dana, now=NOW())


def _prompts(cast: Cast, client_of: ClientOf) -> None:
    """Alice, Sales and everybody are asked once more to connect the calendar, and the last of it is taken back."""
    for whose in (cast.alice, cast.sales, cast.kestrel):
        asked(cast.alice)
        now = NOW()
        prompt_resets.reset(whose, actor=cast.dana, now=now)
    prompt_resets.undo(cast.kestrel, at=now, actor=cast.dana, now=now)
    client_of(cast.dana).get(reverse("calendar_prompts_csv"), {"q": "Alice"})


def _domains(cast: Cast) -> None:
    """One that was verified, whose proof is lost, and which is removed at last."""
    domain = domains.add(cast.kestrel, "finch.example", actor=cast.dana, now=NOW()).new[0]
    begun, server = NOW(), NameServer()
    with override_settings(DNS_SERVERS=[server.address]):
        server.publish("finch.example", "TXT", record(domain.token))
        domains.verify(domain, method="txt", actor=cast.dana, now=begun)
        domains.check(domain.pk, now=begun)
        server.records.clear()
        for later in (domains.AGAIN, domains.AGAIN + domains.GRACE):
            domains.check(domain.pk, now=begun + later)
    server.close()
    domains.remove(domain, actor=cast.dana, now=NOW())


def _identity(cast: Cast) -> None:
    """Alice is bound to an identity provider, and released."""
    when = {"created_at": NOW(), "changed_at": NOW()}
    provider = IdentityProvider.objects.create(
        account=cast.kestrel, key="k", name="Entra", protocol=Protocol.SAML, issuer="i", email_claim="email", **when
    )
    since: dict[str, Any] = {"bond": Bond.DOMAIN, "bound_at": NOW(), "last_used_at": NOW(), "email": cast.alice.email}
    bound = SingleSignOnIdentity.objects.create(provider=provider, user=cast.alice, issuer="i", subject="s", **since)
    identities.release(cast.alice, bound.pk, actor=cast.dana, now=NOW())
    AssociatedDomain.objects.filter(account=cast.kestrel, name="kestrel.example").delete()
    AssociatedDomain.objects.create(
        account=cast.kestrel, name="kestrel.example", token="t", added_at=NOW(), state=DomainState.VERIFIED
    )
    IdentityProvider.objects.filter(pk=provider.pk).update(creates_people=True)
    provider.refresh_from_db()
    _set_up(provider, cast)
    # Alice is bound anew; and somebody joins.
    for subject, email in (("s", cast.alice.email), ("n", "new@kestrel.example")):
        settling.settle(provider, Vouched(Protocol.SAML, "i", subject, email), now=NOW())


def _set_up(provider: IdentityProvider, cast: Cast) -> None:
    """Dana sets another one up, changes it, tries it, turns it on, ends passwords and allows them, and removes it."""
    columns = {"name": "Another", "issuer": "j", "email_claim": "email"}
    made = setting_up.add(cast.kestrel, Protocol.SAML, setting_up.Given(columns), actor=cast.dana, now=NOW())
    given = setting_up.Given({"name": "Other"})
    made = setting_up.change(made, given, seen=made.changed_at, actor=cast.dana, now=NOW())
    IdentityProvider.objects.filter(pk=made.pk).update(tested_at=NOW())
    only.turn_on(made, actor=cast.dana, now=NOW())
    only.end_passwords(made, [cast.dana.pk], actor=cast.dana, now=NOW())
    second = User.objects.get(pk=cast.alice.pk)
    User.objects.filter(pk=second.pk).update(role=Role.OWNER)
    only.end_passwords(made, [cast.dana.pk, second.pk], actor=cast.dana, now=NOW())
    only.end_passwords(made, [cast.dana.pk], actor=cast.dana, now=NOW())
    User.objects.filter(pk=second.pk).update(role=Role.MEMBER)
    only.allow_passwords(made, actor=cast.dana, now=NOW())
    only.turn_off(made, actor=cast.dana, now=NOW())
    setting_up.remove(made, actor=cast.dana, now=NOW())
    directory = SamlProvider()
    found = saml_metadata.parse(directory.metadata(issuer=provider.issuer), now=NOW())
    rereading._take(provider, found, now=NOW())


def _second_factor(cast: Cast, client_of: ClientOf) -> None:
    """Gus turns it on, makes codes, uses one, and turns it off; then he has it again, and Dana resets it."""
    browser = client_of(cast.gus)
    for _ in range(2):
        browser.get(reverse("mfa_activate_totp"))
        step = next(totp.yield_hotp_counters_from_time())
        code = totp.format_hotp_value(totp.hotp_value(browser.session[totp.SECRET_SESSION_KEY], step))
        browser.post(reverse("mfa_activate_totp"), {"code": code})
        browser.post(reverse("mfa_generate_recovery_codes"))
        (codes,) = Authenticator.objects.filter(user=cast.gus, type="recovery_codes")
        second_factor.redeem(cast.gus, codes.wrap().get_unused_codes()[0], now=NOW())
        if _ == 0:
            browser.post(reverse("mfa_deactivate_totp"))
    browser.post(reverse("security_sign_out"))
    second_factor.reset(cast.gus, actor=cast.dana, now=NOW())


def test_every_action_was_lived_through(lived: dict[int, tuple[str, ...]]) -> None:
    """Else the other tests would look at less than there is."""
    done = set(AuditEntry.objects.values_list("action", flat=True))

    assert {name for name in audit.actions() if not name.startswith(OF_NOBODY)} - done == set()


def test_every_name_and_address_is_declared_personal(lived: dict[int, tuple[str, ...]]) -> None:
    words = {word for called in lived.values() for word in called}

    undeclared = {
        (entry.action, place)
        for entry in AuditEntry.objects.exclude(masked_at__isnull=False)
        for place in _personal_places(entry, words)
        if not _is_declared(place, entry, audit.actions()[entry.action])
    }

    assert undeclared == set()


def test_after_everybody_is_erased_no_name_and_no_address_is_left(lived: dict[int, tuple[str, ...]]) -> None:
    for key in lived:
        audit.erase(User(pk=key), now=NOW())

    left = repr(list(AuditEntry.objects.values()))
    assert [word for called in lived.values() for word in called if word in left] == []
    assert left.count(MASKED_PERSON) > 50


def _personal_places(entry: AuditEntry, words: set[str]) -> Iterator[str]:
    if any(word in entry.target_name for word in words):
        yield "target"
    for side in (entry.before, entry.after):
        fields = side.items() if isinstance(side, dict) else [("a side that is no object", side)]
        for field, value in fields:
            if any(word in str(value) for word in words):
                yield str(field)


def _is_declared(place: str, entry: AuditEntry, action: Action) -> bool:
    if entry.about_id is None:
        return False
    if place == "target":
        return action.personal_target or entry.target_kind == "user"
    return place in action.personal
