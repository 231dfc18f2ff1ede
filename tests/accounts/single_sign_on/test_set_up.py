"""An admin sets an identity provider up, tests it, turns it on, ends passwords, and removes it: by the pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts import people
from accounts.models import (
    AuditEntry,
    Group,
    IdentityProvider,
    Protocol,
    ProviderMapping,
    Role,
    SignInEntry,
    SingleSignOnIdentity,
    User,
)
from accounts.single_sign_on import only
from accounts.single_sign_on.causes import Cause
from tests.accounts.single_sign_on.at_openid import set_up
from tests.accounts.single_sign_on.test_saml import set_up as set_up_saml
from tests.cast import PASSWORD, Cast, ClientOf
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, openid_certificate, openid_provider
from tests.own_certificates import key_and_certificate
from tests.saml_provider import ISSUER, SIGN_IN, SamlProvider

__all__ = ["openid_certificate", "openid_provider"]

pytestmark = pytest.mark.django_db
NO_ROWS = {"mapping-TOTAL_FORMS": "0", "mapping-INITIAL_FORMS": "0"}


@pytest.fixture
def admin(cast: Cast, client_of: ClientOf) -> Client:
    return client_of(cast.dana)


@pytest.fixture
def row(cast: Cast, openid_provider: OpenIdProvider) -> IdentityProvider:
    return set_up(cast.kestrel, openid_provider.issuer)


def sent(issuer: str, **changes: str) -> dict[str, str]:
    told = {"name": "Entra", "issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return {**told, "email_claim": "email", "name_claim": "name", **NO_ROWS, **changes}


def sent_saml(**changes: Any) -> dict[str, Any]:
    return {"name": "Directory", "email_claim": "email", **NO_ROWS, **changes}


def add(browser: Client, protocol: str, told: dict[str, Any]) -> Any:
    return browser.post(f"{reverse('identity_provider_add')}?protocol={protocol}", told)


def page(browser: Client, name: str, row: IdentityProvider, *more: str) -> str:
    answer = browser.get(reverse(name, args=[row.pk, *more]))
    assert answer.status_code == 200
    return answer.content.decode()


def passed(row: IdentityProvider, **more: Any) -> None:
    IdentityProvider.objects.filter(pk=row.pk).update(tested_at=datetime.now(UTC), **more)
    row.refresh_from_db()


# ── Setting up ──


def test_where_there_is_none_it_says_what_it_is_for(admin: Client) -> None:
    text = admin.get(reverse("single_sign_on")).content.decode()

    assert "People sign in with passwords" in text
    assert reverse("identity_provider_add") in text


def test_by_openid_connect(admin: Client, cast: Cast, openid_provider: OpenIdProvider) -> None:
    mapped = {
        "mapping-TOTAL_FORMS": "2",
        "mapping-0-value": "g-1",
        "mapping-0-meaning": f"group:{cast.sales.pk}",
        "mapping-1-value": "Portal.Admin",
        "mapping-1-meaning": "role:admin",
    }

    answer = add(admin, "openid_connect", sent(openid_provider.issuer, groups_claim="groups", **mapped))

    made = IdentityProvider.objects.get()
    assert answer["Location"] == reverse("identity_provider", args=[made.pk])
    assert (made.issuer, made.is_on, made.tested_at) == (openid_provider.issuer, False, None)
    assert CLIENT_SECRET not in made.client_secret
    rows = set(ProviderMapping.objects.values_list("means", "value", "group", "role"))
    assert rows == {("group", "g-1", cast.sales.pk, ""), ("role", "Portal.Admin", None, "admin")}
    text = page(admin, "identity_provider", made)
    assert f"http://localhost/auth/sso/{made.key}/callback/" in text
    assert CLIENT_SECRET not in text + page(admin, "identity_provider_edit", made)
    assert CLIENT_SECRET not in str(list(AuditEntry.objects.values()))


def test_what_is_no_provider_is_said_and_nothing_typed_is_lost(admin: Client) -> None:
    answer = add(admin, "openid_connect", sent("https://localhost:1", name="My own"))

    text = answer.content.decode()
    assert answer.status_code == 422
    assert "My own" in text
    assert CLIENT_ID in text
    assert CLIENT_SECRET not in text
    assert not IdentityProvider.objects.exists()


def test_by_a_file_of_metadata(admin: Client) -> None:
    directory = SamlProvider()

    add(admin, "saml", sent_saml(metadata_file=SimpleUploadedFile("metadata.xml", directory.metadata())))

    made = IdentityProvider.objects.get()
    assert (made.protocol, made.issuer, made.sign_in_url) == (Protocol.SAML, ISSUER, SIGN_IN)
    assert len(made.certificates) == 1
    assert made.signing_key.startswith("v1.")
    text = page(admin, "identity_provider", made)
    assert f"http://localhost/auth/sso/{made.key}/acs/" in text
    assert "29 days left" in text
    mine = admin.get(reverse("identity_provider_certificate", args=[made.pk])).content.decode()
    assert mine.startswith("-----BEGIN CERTIFICATE-----")


def test_by_hand(admin: Client) -> None:
    pems = "".join(key_and_certificate()[1].decode() for _ in range(2))

    add(admin, "saml", sent_saml(issuer=ISSUER, sign_in_url=SIGN_IN, certificates=pems))

    assert len(IdentityProvider.objects.get().certificates) == 2


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "Give the address of the metadata"),
        ({"metadata_url": "http://directory.kestrel.example/"}, "begins with https://"),
        (
            {"issuer": ISSUER, "sign_in_url": "http://directory.kestrel.example/", "certificates": ""},
            "begins with https",
        ),
        ({"issuer": ISSUER, "sign_in_url": SIGN_IN, "certificates": "nonsense"}, "no certificate"),
        ({"metadata_file": SimpleUploadedFile("m.xml", b"<html><body>Hello</body></html>")}, "IDPSSODescriptor"),
        ({"metadata_file": SimpleUploadedFile("m.xml", b"{}")}, "no XML"),
    ],
)
def test_what_is_no_metadata_is_said(admin: Client, told: dict[str, Any], words: str) -> None:
    answer = add(admin, "saml", sent_saml(**told))

    assert answer.status_code == 422
    assert words in answer.content.decode().replace("&#x27;", "'")
    assert not IdentityProvider.objects.exists()


def test_more_rows_judge_nothing(admin: Client) -> None:
    answer = add(
        admin, "openid_connect", {"name": "Half", "more": "1", "mapping-TOTAL_FORMS": "3", "mapping-INITIAL_FORMS": "0"}
    )

    text = answer.content.decode()
    assert (answer.status_code, 'id="id_mapping-5-value"' in text, "Half" in text) == (200, True, True)
    assert "mend this" not in text


def test_a_group_of_another_account_is_no_meaning(admin: Client, cast: Cast, openid_provider: OpenIdProvider) -> None:
    other = Group.objects.create(account=cast.corvid, name="Theirs", rank=1, created_at=datetime.now(UTC))
    mapped = {"mapping-TOTAL_FORMS": "1", "mapping-0-value": "g", "mapping-0-meaning": f"group:{other.pk}"}

    assert add(admin, "openid_connect", sent(openid_provider.issuer, **mapped)).status_code == 422


def test_a_value_stands_once(admin: Client, openid_provider: OpenIdProvider) -> None:
    twice = {f"mapping-{n}-value": "x" for n in (0, 1)} | {
        "mapping-0-meaning": "role:admin",
        "mapping-1-meaning": "role:member",
    }

    answer = add(admin, "openid_connect", sent(openid_provider.issuer, **{"mapping-TOTAL_FORMS": "2"}, **twice))

    assert "This stands here already" in answer.content.decode()


def test_changing_keeps_the_secret_and_asks_for_a_new_test(admin: Client, row: IdentityProvider) -> None:
    passed(row)
    was = row.client_secret
    told = sent(row.issuer, client_secret="", seen=row.changed_at.isoformat())

    admin.post(reverse("identity_provider_edit", args=[row.pk]), told)
    row.refresh_from_db()
    assert (row.name, row.client_secret, row.tested_at is None) == ("Entra", was, False)

    told = sent(row.issuer, client_secret="another", seen=row.changed_at.isoformat())
    admin.post(reverse("identity_provider_edit", args=[row.pk]), told)
    row.refresh_from_db()
    assert (row.client_secret == was, row.tested_at) == (False, None)


def test_who_is_second_is_told(admin: Client, row: IdentityProvider) -> None:
    old = (row.changed_at - timedelta(seconds=1)).isoformat()

    answer = admin.post(reverse("identity_provider_edit", args=[row.pk]), sent(row.issuer, seen=old, name="Second"))

    text = answer.content.decode()
    assert (answer.status_code, "Somebody changed this" in text, "Second" in text) == (422, True, True)


def test_whoever_is_known_by_the_issuer_stays_known(admin: Client, cast: Cast, row: IdentityProvider) -> None:
    bind(row, cast.alice)
    IdentityProvider.objects.filter(pk=row.pk).update(issuer="https://before.example")
    row.refresh_from_db()
    from_there = row.identities.get().issuer

    answer = admin.post(
        reverse("identity_provider_edit", args=[row.pk]), sent(from_there, seen=row.changed_at.isoformat())
    )

    assert "People are known by this issuer" in answer.content.decode()


def bind(row: IdentityProvider, person: User) -> None:
    now = datetime.now(UTC)
    told = {"email": person.email, "bond": "domain", "bound_at": now, "last_used_at": now}
    SingleSignOnIdentity.objects.create(provider=row, user=person, issuer=row.issuer, subject=f"s-{person.pk}", **told)


# ── Testing ──


def test_a_test_signs_nobody_in_and_reports(
    admin: Client, cast: Cast, row: IdentityProvider, openid_provider: OpenIdProvider
) -> None:
    there = admin.get(_link(page(admin, "identity_provider_test", row)))["Location"]

    back = admin.get(openid_provider.way_back(there).removeprefix("http://localhost"))

    entry = SignInEntry.objects.get()
    assert back["Location"] == reverse("sign_in_test", args=[row.pk, entry.reference])
    assert admin.session["_auth_user_id"] == str(cast.dana.pk)
    assert not SingleSignOnIdentity.objects.exists()
    row.refresh_from_db()
    assert row.tested_at is not None
    text = page(admin, "sign_in_test", row, entry.reference)
    assert "It passed" in text
    assert text.count("Passed") >= len(entry.checks)
    assert "alice@kestrel.example would be asked for the own password, once." in text
    assert reverse("identity_provider_on", args=[row.pk]) in text


def _link(text: str) -> str:
    found = re.search(r'href="(/auth/sso/[^"]+/start/[^"]*)"', text)
    assert found
    return found[1].replace("&amp;", "&")


def test_a_test_that_fails_says_exactly_why(
    admin: Client, row: IdentityProvider, openid_provider: OpenIdProvider
) -> None:
    openid_provider.person = {"sub": "alice-7"}
    there = admin.get(_link(page(admin, "identity_provider_test", row)))["Location"]

    admin.get(openid_provider.way_back(there).removeprefix("http://localhost"))

    entry = SignInEntry.objects.get()
    assert entry.cause == Cause.MISSING_EMAIL
    text = page(admin, "sign_in_test", row, entry.reference)
    assert "It failed" in text
    assert entry.detail in text
    row.refresh_from_db()
    assert row.tested_at is None


def test_the_link_of_a_test_is_good_once(admin: Client, row: IdentityProvider) -> None:
    link = _link(page(admin, "identity_provider_test", row))
    admin.get(link)

    assert admin.get(link).status_code == 404  # it is off: nobody signs in by it


def test_a_test_is_of_its_own_account_and_provider(
    cast: Cast, client_of: ClientOf, admin: Client, row: IdentityProvider, openid_provider: OpenIdProvider
) -> None:
    there = admin.get(_link(page(admin, "identity_provider_test", row)))["Location"]
    admin.get(openid_provider.way_back(there).removeprefix("http://localhost"))
    entry = SignInEntry.objects.get()
    other = set_up(cast.kestrel, openid_provider.issuer)
    theirs = set_up(cast.corvid, openid_provider.issuer)
    mallory = client_of(cast.mallory)

    assert admin.get(reverse("sign_in_test", args=[other.pk, entry.reference])).status_code == 404
    for provider in (row, theirs):
        assert mallory.get(reverse("sign_in_test", args=[provider.pk, entry.reference])).status_code == 404


# ── On and off ──


def switch(browser: Client, name: str, row: IdentityProvider, **told: Any) -> Any:
    answer = browser.post(reverse(f"identity_provider_{name}", args=[row.pk]), told)
    row.refresh_from_db()
    return answer


def test_only_what_was_tested_is_turned_on(admin: Client, row: IdentityProvider) -> None:
    answer = switch(admin, "on", row)

    assert (answer.status_code, row.is_on) == (422, False)
    assert "has not passed a test" in answer.content.decode()


def test_one_is_on_in_the_place_of_another(admin: Client, cast: Cast, row: IdentityProvider) -> None:
    other = set_up_saml(cast.kestrel, SamlProvider(), is_on=True, is_only=True, name="The one before")
    passed(row)
    assert "The one before is turned off in its place" in page(admin, "identity_provider_on", row)

    switch(admin, "on", row)

    other.refresh_from_db()
    assert (row.is_on, other.is_on, other.is_only) == (True, False, False)
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-2:] == ["single_sign_on.turned_off", "single_sign_on.turned_on"]


def test_turned_off_passwords_count(admin: Client, row: IdentityProvider) -> None:
    passed(row, is_on=True, is_only=True)

    switch(admin, "off", row)

    assert (row.is_on, row.is_only) == (False, False)


def test_passwords_end_but_for_an_owner(admin: Client, cast: Cast, row: IdentityProvider, client: Client) -> None:
    passed(row, is_on=True)
    assert str(cast.dana) in page(admin, "identity_provider_only", row)

    switch(admin, "only", row, keepers=[cast.dana.pk])

    assert row.is_only
    assert set(User.objects.filter(keeps_password=True)) == {cast.dana}
    login = reverse("account_login")
    assert "_auth_user_id" not in _signed_in(client, cast.alice.email)
    assert "_auth_user_id" in _signed_in(Client(), cast.dana.email)
    assert client.get(login).status_code == 200


def _signed_in(browser: Client, email: str) -> Any:
    login = reverse("account_login")
    browser.post(login, {"login": email})
    browser.post(login, {"login": email, "password": PASSWORD})
    return browser.session


@pytest.mark.parametrize("whom", ["nobody", "alice"])
def test_somebody_who_can_manage_has_to_keep_one(admin: Client, cast: Cast, row: IdentityProvider, whom: str) -> None:
    passed(row, is_on=True)

    answer = switch(admin, "only", row, keepers=[cast.alice.pk] if whom == "alice" else [])

    assert (answer.status_code, row.is_only) == (422, False)


def test_nobody_locks_themselves_out(client_of: ClientOf, cast: Cast, row: IdentityProvider) -> None:
    passed(row, is_on=True)
    User.objects.filter(pk=cast.alice.pk).update(role=Role.ADMIN)
    alice = client_of(cast.alice)

    answer = switch(alice, "only", row, keepers=[cast.dana.pk])
    assert "lock yourself out" in answer.content.decode()

    bind(row, cast.alice)
    switch(alice, "only", row, keepers=[cast.dana.pk])
    assert row.is_only


def test_it_has_to_be_on_and_tested(admin: Client, cast: Cast, row: IdentityProvider) -> None:
    for state in ({"is_on": False}, {"is_on": True}):
        IdentityProvider.objects.filter(pk=row.pk).update(**state)
        assert switch(admin, "only", row, keepers=[cast.dana.pk]).status_code == 422
        assert not row.is_only


def test_passwords_are_allowed_again(admin: Client, cast: Cast, row: IdentityProvider) -> None:
    passed(row, is_on=True)
    switch(admin, "only", row, keepers=[cast.dana.pk])

    switch(admin, "only", row, allow="1")

    assert (row.is_on, row.is_only) == (True, False)


def test_the_last_way_in_stays(cast: Cast, row: IdentityProvider) -> None:
    """On whatever path."""
    now = datetime.now(UTC)
    User.objects.filter(pk=cast.gus.pk).update(role=Role.OWNER)
    gus = User.objects.get(pk=cast.gus.pk)
    passed(row, is_on=True)
    only.end_passwords(row, [cast.dana.pk], actor=cast.dana, now=now)

    with pytest.raises(people.LastWayIn):
        people.deactivate(cast.dana, actor=gus, now=now)
    with pytest.raises(people.LastWayIn):
        people.change_role(cast.dana, role=Role.ADMIN, actor=gus, now=now)

    only.end_passwords(row, [cast.dana.pk, gus.pk], actor=cast.dana, now=now)
    people.change_role(cast.dana, role=Role.ADMIN, actor=gus, now=now)
    assert not User.objects.get(pk=cast.dana.pk).keeps_password


# ── Removing ──


def test_it_is_removed_by_its_name_once_it_is_off(admin: Client, cast: Cast, row: IdentityProvider) -> None:
    bind(row, cast.alice)
    remove = reverse("identity_provider_remove", args=[row.pk])
    assert "1 person is" in admin.get(remove).content.decode()

    assert admin.post(remove, {"typed": "something else"}).status_code == 422
    IdentityProvider.objects.filter(pk=row.pk).update(is_on=True)
    assert admin.post(remove, {"typed": row.name}).status_code == 422
    IdentityProvider.objects.filter(pk=row.pk).update(is_on=False)
    assert admin.post(remove, {"typed": row.name})["Location"] == reverse("single_sign_on")
    assert not IdentityProvider.objects.exists()
    assert not SingleSignOnIdentity.objects.exists()


def test_a_page_costs_the_same_whatever_is_in_it(
    admin: Client, cast: Cast, row: IdentityProvider, django_assert_num_queries: Any
) -> None:
    admin.get(reverse("single_sign_on"))
    for number in range(5):
        set_up(cast.kestrel, f"https://{number}.example")
        ProviderMapping.objects.create(provider=row, means="group", value=str(number), group=cast.sales)
    with django_assert_num_queries(4):  # session, person with account, banner, providers
        admin.get(reverse("single_sign_on"))
    with django_assert_num_queries(10):  # and: the one, three counts, mappings, tests, domains
        admin.get(reverse("identity_provider", args=[row.pk]))
