"""Who may go where: a row for every address of the portal. An address without a row fails here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts import importing, jobs, reviewing
from accounts.cascade import write
from accounts.cascade.changes import Choose, to_json
from accounts.cascade.declare import Level, setting_of
from accounts.member_lists import read_pasted
from accounts.models import (
    AssociatedDomain,
    AuditEntry,
    IdentityProvider,
    Job,
    JobState,
    PendingChange,
    Role,
    SignInEntry,
    User,
)
from accounts.single_sign_on import log
from integrations import trials
from integrations.console import bulk
from integrations.exchange import servers
from integrations.models import Connection, LinkRequest, State, TenantLink, Trial
from integrations.preferences import Integrations, Method, ServicePolicy
from tests.accounts.single_sign_on.test_saml import set_up
from tests.cast import Cast, ClientOf, joined
from tests.saml_provider import SamlProvider

pytestmark = pytest.mark.django_db

KESTRELS_TENANT = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
IN = "let in"  # a page, or a redirect that is not the one to the sign-in page
SIGN_IN = "to the sign-in page, and back afterwards"
FORBIDDEN = "403"
NOT_THERE = "404"
SIGN_IN_ALONE = "to the sign-in page, and not back"

# The readers, in this order: nobody, a member, an admin of the group Sales, an admin, the owner, and a stranger:
# the owner of another account.
READERS = ("nobody", "member", "group admin", "admin", "owner", "stranger")
Answers = tuple[str, str, str, str, str, str]

EVERYBODY: Answers = (IN, IN, IN, IN, IN, IN)
NOBODY: Answers = (NOT_THERE,) * 6
SIGNED_IN: Answers = (SIGN_IN, IN, IN, IN, IN, IN)
# The stranger is let in too: into his own account.
ADMINS: Answers = (SIGN_IN, FORBIDDEN, FORBIDDEN, IN, IN, IN)
GROUP_ADMINS: Answers = (SIGN_IN, FORBIDDEN, IN, IN, IN, IN)
ADMINS_OF_THE_PERSON: Answers = (SIGN_IN, FORBIDDEN, FORBIDDEN, IN, IN, NOT_THERE)
ADMINS_OF_THE_GROUP: Answers = (SIGN_IN, FORBIDDEN, IN, IN, IN, NOT_THERE)
ADMINS_OVER_THE_GROUP: Answers = (SIGN_IN, FORBIDDEN, FORBIDDEN, IN, IN, NOT_THERE)
# None of the readers runs the installation.
OPERATORS: Answers = (SIGN_IN, NOT_THERE, NOT_THERE, NOT_THERE, NOT_THERE, NOT_THERE)
# Nobody is sent to the sign-in page, but not back from it.
NOT_SIGNED_OUT: Answers = (SIGN_IN_ALONE, IN, IN, IN, IN, IN)

# Nobody of them has a second factor.
NOT_ON: Answers = (SIGN_IN, NOT_THERE, NOT_THERE, NOT_THERE, NOT_THERE, NOT_THERE)


@dataclass(frozen=True)
class Door:
    """An address: who gets what there. `named` and `sent` may name objects of Kestrel as the cast does."""

    answers: Answers
    method: str = "GET"
    named: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)


PERSON = {"pk": "alice"}
GROUP = {"pk": "sales"}
MEMBER = {"pk": "sales", "person_pk": "alice"}
SWITCH = {"page": "mail-calendar", "key": "integrations.enabled"}
JOB = {"pk": "a job for Sales"}
LIST = {"pk": "sales", "job_pk": "a list of Dana’s for Sales"}
# Whoever prepared it, and nobody else.
DANA_ALONE: Answers = (SIGN_IN, FORBIDDEN, NOT_THERE, NOT_THERE, IN, NOT_THERE)
CONNECTION = {"pk": "Alice’s connection"}
TRIAL = {"pk": "a test with Alice"}
DOMAIN = {"pk": "Kestrel’s domain"}
CHANGE = {"pk": "a change that Dana reviews"}
LINK = {"pk": "Kestrel’s organization"}
SERVER = {"pk": "Kestrel’s Exchange server"}
WHOSE_CHANGE: Answers = (SIGN_IN, NOT_THERE, NOT_THERE, NOT_THERE, IN, NOT_THERE)
DISCONNECTING = {"pk": "people whom Dana is about to disconnect"}
WHOSE_DISCONNECTING: Answers = (SIGN_IN, FORBIDDEN, FORBIDDEN, NOT_THERE, IN, NOT_THERE)
AUTHORIZATION = {"pk": "an authorization of Dana’s"}
WHOSE_AUTHORIZATION: Answers = (SIGN_IN, FORBIDDEN, FORBIDDEN, FORBIDDEN, IN, NOT_THERE)
PROVIDER = {"pk": "Kestrel’s identity provider"}
TEST = {**PROVIDER, "reference": "ABCDEFGH"}
DOORS = {
    # config
    "home": Door(EVERYBODY),  # leads on to the meetings, which ask to sign in
    "healthz": Door(EVERYBODY),
    "readyz": Door(EVERYBODY),
    "mailbox": Door(NOBODY),  # of the demo alone
    "mailbox_letter": Door(NOBODY, named={"letter": "some-file-0"}),
    "operations": Door(OPERATORS),
    "operations_check": Door(OPERATORS, "POST"),
    # accounts
    "sso_start": Door(NOBODY, named={"key": "unknown"}),
    "sso_confirm": Door((SIGN_IN_ALONE,) * 6),  # nobody is on the way
    "sso_trouble": Door(NOBODY, named={"reference": "ABCDEFGH"}),
    "sso_callback": Door(NOBODY, named={"key": "unknown"}),  # of no provider
    "sso_acs": Door(NOBODY, "POST", named={"key": "unknown"}),
    "sso_finish": Door(NOBODY, named={"key": "unknown"}),
    "sso_metadata": Door(NOBODY, named={"key": "unknown"}),
    "profile": Door(SIGNED_IN),
    "security": Door(SIGNED_IN),
    "security_sign_out": Door(SIGNED_IN, "POST"),
    "profile_edit": Door(SIGNED_IN),
    "people": Door(ADMINS),
    "people_invite": Door(ADMINS),
    "person": Door(ADMINS_OF_THE_PERSON, named=PERSON),
    "person_role": Door(ADMINS_OF_THE_PERSON, "POST", PERSON, {"role": "admin"}),
    "person_primary_group": Door(ADMINS_OF_THE_PERSON, "POST", PERSON, {"group": "sales"}),
    "person_delete": Door(ADMINS_OF_THE_PERSON, named=PERSON),
    "person_second_factor": Door(ADMINS_OF_THE_PERSON, named=PERSON),
    "person_release": Door(ADMINS_OF_THE_PERSON, named=PERSON),
    "person_deactivate": Door(ADMINS_OF_THE_PERSON, "POST", PERSON),
    "person_reactivate": Door(ADMINS_OF_THE_PERSON, "POST", PERSON),
    "person_invite_again": Door(ADMINS_OF_THE_PERSON, "POST", PERSON),
    "person_withdraw": Door(ADMINS_OF_THE_PERSON, "POST", PERSON),
    "groups": Door(GROUP_ADMINS),
    "group_create": Door(ADMINS),
    "group": Door(ADMINS_OF_THE_GROUP, named=GROUP),
    "group_rank": Door(ADMINS_OVER_THE_GROUP, "POST", GROUP, {"to": "up"}),
    "group_members": Door(ADMINS_OF_THE_GROUP, named=GROUP),
    "group_rename": Door(ADMINS_OVER_THE_GROUP, "POST", GROUP, {"name": "Selling"}),
    "group_delete": Door(ADMINS_OVER_THE_GROUP, "POST", GROUP),
    "group_member_add": Door(ADMINS_OF_THE_GROUP, "POST", GROUP, {"person": "wilhelmina"}),
    "group_member_remove": Door(ADMINS_OF_THE_GROUP, "POST", MEMBER),
    "group_admin": Door(ADMINS_OVER_THE_GROUP, "POST", MEMBER, {"appoint": "yes"}),
    "group_import": Door(ADMINS_OF_THE_GROUP, named=GROUP),
    "group_import_template": Door(ADMINS_OF_THE_GROUP, named=GROUP),
    "group_import_review": Door(DANA_ALONE, named=LIST),
    "group_import_people": Door(DANA_ALONE, named=LIST),
    "job": Door(ADMINS_OF_THE_GROUP, named=JOB),
    "job_results": Door(ADMINS_OF_THE_GROUP, named=JOB),
    "job_cancel": Door(ADMINS_OF_THE_GROUP, "POST", JOB),
    "account_settings": Door(ADMINS),
    "account_settings_page": Door(ADMINS, named={"page": "mail-calendar"}),
    "account_setting": Door(ADMINS, "POST", SWITCH, {"value": "off"}),
    "group_settings": Door(ADMINS_OF_THE_GROUP, named=GROUP),
    "group_settings_page": Door(ADMINS_OF_THE_GROUP, named=GROUP | {"page": "mail-calendar"}),
    "group_setting": Door(ADMINS_OF_THE_GROUP, "POST", GROUP | SWITCH, {"value": "off"}),
    "person_settings": Door(ADMINS_OF_THE_PERSON, named=PERSON),
    "person_settings_page": Door(ADMINS_OF_THE_PERSON, named=PERSON | {"page": "mail-calendar"}),
    "person_setting": Door(ADMINS_OF_THE_PERSON, "POST", PERSON | SWITCH, {"value": "off"}),
    "own_settings": Door(SIGNED_IN),
    "own_settings_page": Door(SIGNED_IN, named={"page": "mail-calendar"}),
    "own_setting": Door(SIGNED_IN, "POST", SWITCH, {"value": "off"}),
    "change": Door(WHOSE_CHANGE, named=CHANGE),
    "change_people": Door(WHOSE_CHANGE, named=CHANGE),
    "change_discard": Door(WHOSE_CHANGE, "POST", CHANGE),
    "change_undo": Door(ADMINS_OVER_THE_GROUP, "POST", {"entry": "a change of the account"}),
    "account_profile": Door(ADMINS),
    "domain": Door(ADMINS_OF_THE_PERSON, named=DOMAIN),
    "domain_verify": Door(ADMINS_OF_THE_PERSON, "POST", DOMAIN, {"method": "txt"}),
    "domain_file": Door(ADMINS_OF_THE_PERSON, named=DOMAIN),
    "domain_remove": Door(ADMINS_OF_THE_PERSON, named=DOMAIN),
    "audit": Door(ADMINS),
    "audit_download": Door(ADMINS),
    "sign_ins": Door(ADMINS),
    "sign_ins_csv": Door(ADMINS),
    "single_sign_on": Door(ADMINS),
    "identity_provider_add": Door(ADMINS),
    "identity_provider": Door(ADMINS_OF_THE_PERSON, named=PROVIDER),
    "identity_provider_edit": Door(ADMINS_OF_THE_PERSON, named=PROVIDER),
    "identity_provider_read": Door(ADMINS_OF_THE_PERSON, "POST", named=PROVIDER),
    "identity_provider_certificate": Door(ADMINS_OF_THE_PERSON, named=PROVIDER),
    "identity_provider_test": Door(ADMINS_OF_THE_PERSON, named=PROVIDER),
    "sign_in_test": Door(ADMINS_OF_THE_PERSON, named=TEST),
    "identity_provider_on": Door(ADMINS_OF_THE_PERSON, named=PROVIDER),
    "identity_provider_off": Door(ADMINS_OF_THE_PERSON, named=PROVIDER),
    "identity_provider_only": Door(ADMINS_OF_THE_PERSON, named=PROVIDER),
    "identity_provider_remove": Door(ADMINS_OF_THE_PERSON, named=PROVIDER),
    "invitation": Door((NOT_THERE, IN, IN, IN, IN, IN)),  # without a link there is no invitation
    "invitation_link": Door(EVERYBODY, named={"token": "forged"}),
    # integrations
    "select_service": Door(SIGNED_IN),
    "permissions": Door(SIGNED_IN),
    "exchange_sign_in": Door(SIGNED_IN),
    "connection_to_graph": Door(SIGNED_IN, "POST"),
    "reconnect": Door(SIGNED_IN),
    "connection_status": Door(SIGNED_IN),
    "connection_stop": Door(SIGNED_IN, "POST"),
    "connection_try": Door(SIGNED_IN, "POST"),
    "connection_delete": Door(SIGNED_IN),
    "calendar_prompt": Door(SIGNED_IN),  # without a prompt in the session it leads to the profile
    "calendar_prompt_done": Door(SIGNED_IN),
    "calendar_prompts": Door(ADMINS),
    "calendar_prompts_csv": Door(ADMINS),
    "calendar_prompts_reset": Door(ADMINS),
    "calendar_prompts_undo": Door(ADMINS, "POST", sent={"at": "2026-09-01T09:00:00+00:00"}),
    "ask_admin": Door(SIGNED_IN, "POST"),
    "approval_take_back": Door(SIGNED_IN, "POST"),
    "approvals": Door(ADMINS),
    "approvals_act": Door(ADMINS, "POST", {}, {"organization": "kestrel.example", "do": "link"}),
    "admin_consent_done": Door(EVERYBODY, named={"said": "thanks"}),  # a Microsoft 365 admin may be nobody here
    "microsoft_callback": Door(NOT_SIGNED_OUT),  # `?next=` would carry Microsoft's code along
    "connections": Door(ADMINS),
    "connections_csv": Door(ADMINS),
    "connections_act": Door(ADMINS, "POST", sent={"do": "check", "chosen": "alice"}),
    "connections_disconnect": Door(WHOSE_DISCONNECTING, named=DISCONNECTING),
    "connection_diagnose": Door(ADMINS_OF_THE_PERSON, named=CONNECTION),
    "connection_bundle": Door(ADMINS_OF_THE_PERSON, named=CONNECTION),
    "connection_check": Door(ADMINS_OF_THE_PERSON, "POST", CONNECTION),
    "connection_remind": Door(ADMINS_OF_THE_PERSON, "POST", CONNECTION),
    "incidents": Door(ADMINS),
    "organizations": Door(ADMINS),
    "organization": Door(ADMINS_OF_THE_PERSON, named=LINK),
    "organization_check": Door(ADMINS_OF_THE_PERSON, "POST", LINK),
    "organization_end": Door(ADMINS_OF_THE_PERSON, named=LINK),
    "ews": Door(ADMINS),
    "ews_csv": Door(ADMINS),
    "ews_act": Door(ADMINS, "POST", sent={"do": "move"}),
    "exchange_servers": Door(ADMINS),
    "exchange_server": Door(ADMINS_OF_THE_PERSON, named=SERVER),
    "exchange_server_check": Door(ADMINS_OF_THE_PERSON, "POST", SERVER),
    "exchange_server_account": Door(ADMINS_OF_THE_PERSON, "POST", SERVER),
    "exchange_server_account_remove": Door(ADMINS_OF_THE_PERSON, named=SERVER),
    "authorize_begin": Door(ADMINS, "POST", sent={"domain": "kestrel.example"}),
    "authorize_checklist": Door(WHOSE_CHANGE, named={"pk": "a change to Application Permissions that Dana reviews"}),
    "authorize": Door(ADMINS_OF_THE_PERSON, named=AUTHORIZATION),
    "authorize_go": Door(WHOSE_AUTHORIZATION, "POST", AUTHORIZATION),
    "authorize_cancel": Door(ADMINS_OF_THE_PERSON, "POST", AUTHORIZATION),
    "authorize_save": Door(ADMINS_OF_THE_PERSON, "POST", AUTHORIZATION),
    "authorize_link": Door(EVERYBODY, named={"word": "forged"}),
    "authorize_handed_on": Door(NOBODY),  # without a link there is nothing handed on
    "authorize_set_out": Door(EVERYBODY, "POST"),  # as above: leads back to where that is said
    "authorize_unknown": Door(EVERYBODY),
    "trial_begin": Door(ADMINS),
    "trial": Door(ADMINS_OF_THE_PERSON, named=TRIAL),
    "trial_end": Door(ADMINS_OF_THE_PERSON, "POST", TRIAL),
    # calendaring
    "meetings": Door(SIGNED_IN),
    "agenda": Door(SIGNED_IN),
    # allauth
    "account_login": Door(EVERYBODY),
    "account_logout": Door(NOT_SIGNED_OUT),
    "account_inactive": Door(EVERYBODY),
    "account_signup": Door(EVERYBODY),  # says that one has to be invited
    "account_reauthenticate": Door(SIGNED_IN),
    "account_email": Door(SIGNED_IN),
    "account_email_verification_sent": Door(EVERYBODY),
    "account_confirm_email": Door(EVERYBODY, named={"key": "forged"}),  # says that the link is no good
    "account_change_password": Door(SIGNED_IN),
    "account_set_password": Door(SIGNED_IN),
    "account_reset_password": Door(EVERYBODY),
    "account_reset_password_done": Door(EVERYBODY),
    "account_reset_password_from_key": Door(EVERYBODY, named={"uidb36": "1", "key": "forged"}),  # as above
    "account_reset_password_from_key_done": Door(EVERYBODY),
    "mfa_index": Door(EVERYBODY),  # leads on to Security, which asks to sign in
    "mfa_authenticate": Door(NOT_SIGNED_OUT),  # no sign-in is under way
    "mfa_reauthenticate": Door(SIGNED_IN),
    "mfa_activate_totp": Door(SIGNED_IN),
    "mfa_deactivate_totp": Door(NOT_ON),
    "mfa_view_recovery_codes": Door(NOT_ON),
    "mfa_generate_recovery_codes": Door(SIGNED_IN),
    "mfa_download_recovery_codes": Door(NOT_ON),
    "account_confirm_login_code": Door(NOT_SIGNED_OUT),  # no code is under way
}


def test_every_address_has_a_row() -> None:
    assert set(_names(get_resolver().url_patterns)) == set(DOORS)


@pytest.fixture
def readers(cast: Cast) -> dict[str, User | None]:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    return dict(zip(READERS, (None, cast.bob, cast.gus, ada, cast.dana, cast.mallory), strict=True))


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("reader", READERS)
def test_it_lets_in_whom_it_should(
    name: str, reader: str, readers: dict[str, User | None], cast: Cast, client_of: ClientOf
) -> None:
    door = DOORS[name]
    person = readers[reader]
    browser = client_of(person) if person else Client()

    answer = _ask(browser, name, cast)

    assert _kind(answer, _address(name, cast)) == door.answers[READERS.index(reader)], answer.headers


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if door.method == "POST"])
def test_what_changes_something_cannot_be_asked_for_by_a_link(name: str, cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).get(_address(name, cast))

    assert answer.status_code == 405


# The form that comes there is the identity provider’s; whose sign-in it is is judged by the session, one page later.
FORMS_OF_OTHERS = {"sso_acs"}


@pytest.mark.parametrize(
    "name", [name for name, door in DOORS.items() if door.method == "POST" and name not in FORMS_OF_OTHERS]
)
def test_what_changes_something_needs_our_own_form(name: str, cast: Cast) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cast.dana)

    answer = _ask(browser, name, cast)

    assert answer.status_code == 403


def test_another_sign_in_address_is_taken_only_after_the_password(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.alice).post(reverse("account_email"), {"email": "new@kestrel.example", "action_add": ""})

    assert urlsplit(answer.headers["Location"]).path == reverse("account_reauthenticate")


def _identity_provider(cast: Cast) -> int:
    """With a test that somebody made."""
    if (known := IdentityProvider.objects.filter(account=cast.kestrel).first()) is not None:
        return int(known.pk)
    row = set_up(cast.kestrel, SamlProvider())
    entry = log.record(cast.kestrel, method="saml", outcome="tested", now=timezone.now(), provider=row)
    SignInEntry.objects.filter(pk=entry.pk).update(reference=TEST["reference"])
    return int(row.pk)


def _ask(browser: Client, name: str, cast: Cast) -> HttpResponseBase:
    door = DOORS[name]
    address = _address(name, cast)
    if door.method == "POST":
        return browser.post(address, _resolved(door.sent, cast))
    return browser.get(address)


def _names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    """An address without a name cannot have a row: it comes out as its route."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _names(pattern.url_patterns)
        else:
            yield pattern.name or str(pattern.pattern)


def _address(name: str, cast: Cast) -> str:
    return reverse(name, kwargs=_resolved(DOORS[name].named, cast))


def _resolved(words: dict[str, str], cast: Cast) -> dict[str, Any]:
    return {
        name: THINGS[word](cast) if word in THINGS else getattr(getattr(cast, word, None), "pk", word)
        for name, word in words.items()
    }


def _job(cast: Cast) -> object:
    about: dict[str, Any] = {
        "kind": importing.KIND,
        "title": "A job",
        "group": cast.sales,
        "by": cast.dana,
        "back": "/",
    }
    found = Job.objects.filter(title=about["title"]).first()
    return (found or jobs.start(cast.kestrel, rows=[], now=timezone.now(), **about)).pk


def _list(cast: Cast) -> object:
    found = Job.objects.filter(state=JobState.PREPARED).first()
    wishes = read_pasted(cast.bob.email)
    return (found or importing.prepare(cast.sales, wishes, by=cast.dana, back="/", now=timezone.now())).pk


def _change(cast: Cast) -> object:
    found = PendingChange.objects.first()
    change = Choose("integrations.enabled", Level.ACCOUNT, cast.kestrel.pk, False)
    made = found or reviewing.submit(change, by=cast.dana, back="/", seen=None, now=timezone.now())
    assert isinstance(made, PendingChange)
    return made.pk


def _entry(cast: Cast) -> object:
    at, grace = cast.kestrel, setting_of(Integrations, "grace")
    found = AuditEntry.objects.filter(setting_key=grace.key).first()
    made = found or write.choose(grace, 3, at=at, actor=cast.dana, now=timezone.now())
    assert made is not None
    return made.pk


def _server(cast: Cast) -> object:
    return servers.at(cast.kestrel, "https://mail.kestrel.example/EWS/Exchange.asmx", now=timezone.now()).pk


# What an address names besides the cast; made when it is first asked for.
def _connection(cast: Cast) -> object:
    state = {"state": State.NEEDS_REAUTH, "since_at": timezone.now()}
    return Connection.objects.get_or_create(user=cast.alice, defaults=state)[0].pk


def _trial(cast: Cast) -> object:
    return (Trial.objects.first() or trials.begin(cast.alice, by=cast.dana, now=timezone.now())).pk


def _disconnecting(cast: Cast) -> object:
    found = Job.objects.filter(state=JobState.PREPARED, kind=bulk.DISCONNECT).first()
    chosen = bulk.named(cast.kestrel, [str(cast.alice.pk)])
    return (found or bulk.prepare_to_disconnect(chosen, by=cast.dana, back="/", now=timezone.now())).pk


def _domain(cast: Cast) -> object:
    made = {"token": "made-up", "added_at": timezone.now()}
    return AssociatedDomain.objects.get_or_create(account=cast.kestrel, name="kestrel.example", defaults=made)[0].pk


def _link(cast: Cast) -> object:
    now = timezone.now()
    made = {"tenant_id": KESTRELS_TENANT, "since_at": now, "linked_at": now, "domains": ["kestrel.example"]}
    return TenantLink.objects.get_or_create(account=cast.kestrel, defaults=made)[0].pk


def _authorization(cast: Cast) -> object:
    """With a change that can be proposed again."""
    now = timezone.now()
    wish = {"change": to_json(Choose("integrations.enabled", Level.ACCOUNT, cast.kestrel.pk, False)), "back": "/"}
    made = {"by": cast.dana, "created_at": now, "expires_at": now, "step": "failed", "ended_at": now, "confirmed": wish}
    return LinkRequest.objects.get_or_create(account=cast.kestrel, domain="kestrel.example", defaults=made)[0].pk


def _change_to_application_permissions(cast: Cast) -> object:
    services = setting_of(Integrations, "services")
    by_admin = services.to_json(ServicePolicy(who_can_set_up=Method.APPLICATION_PERMISSIONS))
    change = Choose(services.key, Level.ACCOUNT, cast.kestrel.pk, by_admin)
    found = PendingChange.objects.first()
    made = found or reviewing.submit(change, by=cast.dana, back="/", seen=None, now=timezone.now())
    assert isinstance(made, PendingChange)
    return made.pk


THINGS: dict[str, Callable[[Cast], object]] = {
    DISCONNECTING["pk"]: _disconnecting,
    JOB["pk"]: _job,
    LIST["job_pk"]: _list,
    CHANGE["pk"]: _change,
    CONNECTION["pk"]: _connection,
    TRIAL["pk"]: _trial,
    LINK["pk"]: _link,
    SERVER["pk"]: _server,
    DOMAIN["pk"]: _domain,
    AUTHORIZATION["pk"]: _authorization,
    PROVIDER["pk"]: _identity_provider,
    "a change to Application Permissions that Dana reviews": _change_to_application_permissions,
    "a change of the account": _entry,
}


def _kind(answer: HttpResponseBase, asked: str) -> str:
    if answer.status_code in (403, 404):
        return str(answer.status_code)
    assert answer.status_code in (200, 302, 422), answer.status_code
    to = urlsplit(answer.headers.get("Location", ""))
    if to.path == reverse("account_login") and to.query:
        assert parse_qs(to.query) == {"next": [asked]}
        return SIGN_IN
    if to.path == reverse("account_login"):
        return SIGN_IN_ALONE
    return IN
