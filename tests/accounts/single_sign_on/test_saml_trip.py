"""All the way by SAML through the portal's own pages: there, back by the provider's form, and in, or not."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import IdentityProvider, SignInEntry, SignInOutcome, SpentAssertion
from accounts.single_sign_on import trips
from accounts.single_sign_on.causes import Cause
from accounts.views import sso_saml
from tests import saml_provider
from tests.accounts.single_sign_on.test_saml import set_up
from tests.cast import Cast
from tests.saml_provider import ASSERTION, SamlProvider, Says, changed

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def directory() -> SamlProvider:
    return SamlProvider()


@pytest.fixture
def row(cast: Cast, directory: SamlProvider) -> IdentityProvider:
    found = set_up(cast.kestrel, directory, is_on=True)
    found.identities.create(
        user=cast.alice,
        issuer=found.issuer,
        subject="subject-of-alice",
        email=cast.alice.email,
        bond="domain",
        bound_at=found.created_at,
        last_used_at=found.created_at,
    )
    return found


def leave(browser: Client, row: IdentityProvider, *, to: str = "/profile/") -> Says:
    """As somebody who asks for a page, gives the address, and is sent on."""
    page = browser.post(reverse("account_login"), {"login": "alice@kestrel.example", "next": to})
    answer: Any = page
    link = answer["Location"] if answer.status_code == 302 else _link(answer, row)
    return Says(saml_provider.asked_by(browser.get(link)["Location"]))


def _link(page: Any, row: IdentityProvider) -> str:
    text = page.content.decode()
    begins = text.index(reverse("sso_start", args=[row.key]))
    return str(text[begins : text.index('"', begins)])


def post(browser: Client, row: IdentityProvider, answer: str, relayed: str) -> HttpResponse:
    """From the provider's site: without cookies."""
    elsewhere = browser.__class__(enforce_csrf_checks=True)
    found = elsewhere.post(
        reverse("sso_acs", args=[row.key]), {"SAMLResponse": answer, "RelayState": relayed}, headers={"Origin": "null"}
    )
    assert not elsewhere.cookies
    return found  # type: ignore[return-value]


def come_back(browser: Client, row: IdentityProvider, answer: str, says: Says) -> Any:
    posted = post(browser, row, answer, says.asked.relay_state)
    assert posted.status_code == 303
    return browser.get(posted["Location"])


def last() -> SignInEntry:
    return SignInEntry.objects.latest("pk")


def test_somebody_comes_in_and_is_where_they_were_going(
    client: Client, cast: Cast, row: IdentityProvider, directory: SamlProvider
) -> None:
    says = leave(client, row)

    found = come_back(client, row, directory.answer(says), says)

    assert (found.status_code, found["Location"]) == (302, "/profile/")
    assert client.session["_auth_user_id"] == str(cast.alice.pk)
    assert (last().outcome, last().user, last().method) == (SignInOutcome.SIGNED_IN, cast.alice, "saml")


def test_an_answer_is_good_once(client: Client, row: IdentityProvider, directory: SamlProvider) -> None:
    says = leave(client, row)
    posted = post(client, row, directory.answer(says), says.asked.relay_state)
    client.get(posted["Location"])

    client.get(posted["Location"])
    assert last().cause == Cause.NOT_ASKED
    again = leave(Client(), row)
    come_back(Client(), row, directory.answer(says), again)
    assert last().cause == Cause.NOT_ASKED
    assert SpentAssertion.objects.count() == 1


def test_the_assertion_of_somebody_else_signs_nobody_in(
    client: Client, row: IdentityProvider, directory: SamlProvider
) -> None:
    """Login CSRF: an answer that was made for the attacker’s browser, brought by the victim’s."""
    says = leave(Client(), row)
    leave(client, row)

    found = come_back(client, row, directory.answer(says), says)

    assert "_auth_user_id" not in client.session
    assert found["Location"].startswith("/auth/sso/trouble/")
    assert last().cause == Cause.NOT_ASKED


def test_an_answer_for_one_question_does_not_answer_another(
    client: Client, row: IdentityProvider, directory: SamlProvider
) -> None:
    first, second = leave(client, row), leave(client, row)

    come_back(client, row, directory.answer(first), second)

    assert "_auth_user_id" not in client.session
    assert last().cause == Cause.NOT_ASKED


def test_another_provider_cannot_answer(
    client: Client, cast: Cast, row: IdentityProvider, directory: SamlProvider
) -> None:
    """Mix-up: what was asked of one comes back at the address of another."""
    other = set_up(cast.kestrel, directory)
    says = leave(client, row)

    come_back(client, other, directory.answer(says), says)

    assert "_auth_user_id" not in client.session
    assert last().cause == Cause.NOT_ASKED


@pytest.mark.parametrize("relayed", ["", "https://evil.example/", "//evil.example", "\0", "x" * 5000])
def test_what_is_relayed_leads_nowhere(
    client: Client, row: IdentityProvider, directory: SamlProvider, relayed: str
) -> None:
    says = leave(client, row)

    found = client.get(post(client, row, directory.answer(says), relayed)["Location"])

    assert found["Location"].startswith("/auth/sso/trouble/")
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "\\\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(client: Client, row: IdentityProvider, directory: SamlProvider, to: str) -> None:
    says = leave(client, row, to=to)

    found = come_back(client, row, directory.answer(says), says)

    assert found["Location"].startswith("/")
    assert "evil" not in found["Location"]
    assert "script" not in found["Location"]


def test_who_takes_too_long_begins_again(client: Client, row: IdentityProvider, directory: SamlProvider) -> None:
    says = leave(client, row)
    session = client.session
    kept = session["single_sign_on"]
    kept[says.asked.relay_state]["begun_at"] -= trips.LASTS.total_seconds() + 1
    session["single_sign_on"] = kept
    session.save()

    come_back(client, row, directory.answer(says), says)

    assert last().cause == Cause.TOO_LATE


@pytest.mark.parametrize("fields", [{}, {"SAMLResponse": "x"}, {"SAMLResponse": "A" * 400_000}, {"RelayState": "x"}])
def test_nonsense_is_answered_in_words(client: Client, row: IdentityProvider, fields: dict[str, str]) -> None:
    posted = client.post(reverse("sso_acs", args=[row.key]), fields)

    found = client.get(posted["Location"], follow=True)

    assert found.status_code == 200
    assert "This sign-in was not begun here" in found.content.decode()


@pytest.mark.parametrize("handle", ["", "unknown", "x" * 200, "ä", "\0"])
def test_an_unknown_answer_is_of_no_sign_in(client: Client, row: IdentityProvider, handle: str) -> None:
    client.get(reverse("sso_finish", args=[row.key]), {"answer": handle})

    assert last().cause == Cause.NOT_ASKED


def test_what_is_put_aside_is_sealed(client: Client, row: IdentityProvider, directory: SamlProvider) -> None:
    says = leave(client, row)
    answer = directory.answer(says)
    posted = post(client, row, answer, says.asked.relay_state)
    handle = parse_qs(urlsplit(posted["Location"]).query)["answer"][0]

    kept = cache.get(sso_saml._place(handle))

    assert kept.startswith("v1.")
    assert answer[:50] not in kept


def test_a_flood_is_answered_shortly(client: Client, row: IdentityProvider) -> None:
    for _ in range(sso_saml.A_MINUTE):
        client.post(reverse("sso_acs", args=[row.key]), {"SAMLResponse": ""})

    assert client.post(reverse("sso_acs", args=[row.key]), {"SAMLResponse": ""}).status_code == 429


def test_a_form_is_posted_and_pages_are_got(client: Client, row: IdentityProvider) -> None:
    assert client.get(reverse("sso_acs", args=[row.key])).status_code == 405
    assert client.post(reverse("sso_finish", args=[row.key])).status_code == 405


def test_the_metadata_is_for_everybody(client: Client, row: IdentityProvider) -> None:
    page = client.get(reverse("sso_metadata", args=[row.key]))

    assert page["Content-Type"] == "application/samlmetadata+xml"
    text = page.content.decode()
    assert f'entityID="http://localhost/auth/sso/{row.key}/metadata.xml"' in text
    assert f'Location="http://localhost/auth/sso/{row.key}/acs/"' in text
    assert 'WantAssertionsSigned="true"' in text


def test_who_is_not_known_yet_is_asked_for_the_password(
    client: Client, row: IdentityProvider, directory: SamlProvider
) -> None:
    says = leave(client, row)
    told = {"email": ["bob@kestrel.example"]}

    found = come_back(client, row, directory.answer(changed(says, subject="subject-of-bob", attributes=told)), says)

    assert found["Location"] == reverse("sso_confirm")
    assert "_auth_user_id" not in client.session
    assert ASSERTION not in str(dict(client.session))
