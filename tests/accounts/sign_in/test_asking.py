from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from accounts.models import Account, AssociatedDomain, DomainState, IdentityProvider, SignInEntry, User
from accounts.single_sign_on.causes import Cause
from tests.cast import FOUNDED, PASSWORD, ClientOf

SIGN_IN = "/auth/login/"
WRONG = "not this one"
NEW = "quite another long one"


def set_up(account: Account, **more: Any) -> IdentityProvider:
    given: dict[str, Any] = {
        "key": "k7d2m",
        "name": "Kestrel ID",
        "protocol": "saml",
        "issuer": "https://id.kestrel.example/",
        "sign_in_url": "https://id.kestrel.example/sso",
        "email_claim": "email",
        "is_on": True,
        "created_at": FOUNDED,
        "changed_at": FOUNDED,
    }
    found: IdentityProvider = IdentityProvider.objects.create(account=account, **{**given, **more})
    return found


@pytest.fixture
def beside(kestrel: Account) -> IdentityProvider:
    """Single sign-on beside passwords."""
    return set_up(kestrel)


@pytest.fixture
def only(kestrel: Account) -> IdentityProvider:
    """Single sign-on and nothing else."""
    return set_up(kestrel, is_only=True)


def give(client: Client, email: str, **more: str) -> str:
    return str(client.post(SIGN_IN, {"login": email, **more}).content.decode())


def is_asked_elsewhere(page: str) -> bool:
    return "Continue to Kestrel ID" in page and "/auth/sso/k7d2m/start/" in page


def goes_on_by_itself(page: str) -> bool:
    return '<meta http-equiv="refresh" content="0;url=/auth/sso/k7d2m/start/' in page


def entries() -> list[tuple[str, str, str]]:
    return list(SignInEntry.objects.order_by("pk").values_list("user__email", "outcome", "cause"))


# ── Which way ───────────────────────────────────────────────────────────────
@pytest.mark.usefixtures("beside")
def test_who_may_do_either_has_the_choice(client: Client, alice: User) -> None:
    page = give(client, alice.email, next="/profile/")

    assert is_asked_elsewhere(page)
    assert not goes_on_by_itself(page)
    assert "Use your password instead" in page
    assert 'name="password"' not in page
    assert '<input type="hidden" name="next" value="/profile/">' in page


@pytest.mark.usefixtures("beside")
def test_the_password_lets_one_in_where_both_count(client: Client, alice: User) -> None:
    page = give(client, alice.email, instead="1")
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD, "next": "/profile/"})

    assert 'name="password"' in page
    assert answer["Location"] == "/profile/"
    assert client.session["_auth_user_id"] == str(alice.pk)


@pytest.mark.usefixtures("only")
def test_where_there_is_no_choice_it_goes_on_by_itself(client: Client, alice: User) -> None:
    page = give(client, alice.email)

    assert is_asked_elsewhere(page)
    assert goes_on_by_itself(page)
    assert "password instead" not in page


@pytest.mark.usefixtures("only")
def test_asking_for_the_password_all_the_same_leads_elsewhere(client: Client, alice: User) -> None:
    assert 'name="password"' not in give(client, alice.email, instead="1")


@pytest.mark.usefixtures("only")
def test_who_keeps_a_password_sees_both(client: Client, dana: User) -> None:
    User.objects.filter(pk=dana.pk).update(keeps_password=True)

    page = give(client, dana.email.upper())
    client.post(SIGN_IN, {"login": dana.email, "password": PASSWORD})

    assert is_asked_elsewhere(page)
    assert "Use your password instead" in page
    assert not goes_on_by_itself(page)
    assert client.session["_auth_user_id"] == str(dana.pk)


@pytest.mark.parametrize("is_only", [True, False])
def test_of_an_associated_domain_nobody_learns_who_is_there(
    client: Client, kestrel: Account, alice: User, is_only: bool
) -> None:
    set_up(kestrel, is_only=is_only)
    AssociatedDomain.objects.create(
        account=kestrel, name="kestrel.example", token="t", state=DomainState.VERIFIED, added_at=FOUNDED
    )

    known, unknown = give(client, alice.email), give(Client(), "nobody@kestrel.example")

    def bare(page: str) -> str:
        page = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)
        return re.sub(r"start/\?[^\"]+", "start/", page)

    assert is_asked_elsewhere(known)
    assert bare(known).replace(alice.email, "…") == bare(unknown).replace("nobody@kestrel.example", "…")


@pytest.mark.usefixtures("beside")
def test_a_domain_of_nobody_is_asked_for_a_password(client: Client, mallory: User) -> None:
    for email in ("nobody@elsewhere.example", mallory.email):
        assert 'name="password"' in give(client, email)


def test_a_provider_that_is_off_is_not_gone_to(client: Client, kestrel: Account, alice: User) -> None:
    set_up(kestrel, is_on=False)

    assert 'name="password"' in give(client, alice.email)


# ── Where no password counts ────────────────────────────────────────────────
@pytest.mark.usefixtures("only")
@pytest.mark.parametrize("password", [PASSWORD, WRONG])
def test_a_password_sent_all_the_same_is_refused_right_or_wrong(client: Client, alice: User, password: str) -> None:
    page = client.post(SIGN_IN, {"login": alice.email, "password": password}).content.decode()

    assert "A password is not taken here." in page
    assert is_asked_elsewhere(page)
    assert not goes_on_by_itself(page)  # else nobody could read it
    assert "_auth_user_id" not in client.session
    assert entries() == [(alice.email, "refused", Cause.ONLY_SINGLE_SIGN_ON)]


@pytest.mark.usefixtures("only")
def test_a_letter_about_a_forgotten_password_says_where_to_go_instead(
    client: Client, alice: User, letters: Callable[[], Any], mailoutbox: list[EmailMessage]
) -> None:
    with letters():
        told = client.post("/auth/password/reset/", {"email": alice.email}, follow=True).content.decode()

    assert "a link is on its way" in told
    assert mailoutbox[0].subject == "You sign in to Meridian by Kestrel ID"
    assert "/password/reset/key/" not in str(mailoutbox[0].body)


def test_a_link_from_before_sets_no_password(
    client: Client, kestrel: Account, alice: User, letters: Callable[[], Any], mailoutbox: list[EmailMessage]
) -> None:
    with letters():
        client.post("/auth/password/reset/", {"email": alice.email})
    link = re.search(r"http://localhost(/auth/password/reset/key/\S+)", str(mailoutbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    set_up(kestrel, is_only=True)

    answer = client.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})

    assert "No password is taken." in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.usefixtures("only")
@pytest.mark.parametrize("page", ["/auth/password/change/", "/auth/password/set/"])
def test_there_is_no_password_to_change(client_of: ClientOf, alice: User, page: str) -> None:
    browser = client_of(alice)

    asked = browser.get(page)
    sent = browser.post(page, {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})

    assert asked["Location"] == sent["Location"] == "/profile/"
    assert "You sign in by Kestrel ID" in browser.get("/profile/").content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


# ── Who it still is ─────────────────────────────────────────────────────────
def test_who_signs_in_elsewhere_is_asked_there(client_of: ClientOf, only: IdentityProvider, alice: User) -> None:
    page = client_of(alice).get("/auth/reauthenticate/?next=/profile/").content.decode()

    assert "Kestrel ID asks you once more who you are" in page
    assert 'href="/auth/reauthenticate/?next=%2Fprofile%2F&amp;go=1"' in page
    assert 'name="password"' not in page


def test_who_came_by_single_sign_on_is_asked_there_though_there_is_a_password(
    client_of: ClientOf, beside: IdentityProvider, alice: User
) -> None:
    browser = client_of(alice)
    by_password = browser.get("/auth/reauthenticate/").content.decode()
    session = browser.session
    session["signed_in_by"] = {"provider": beside.pk, "identity": 1}
    session.save()

    by_provider = browser.get("/auth/reauthenticate/").content.decode()

    assert 'name="password"' in by_password
    assert "Continue to Kestrel ID" in by_provider


def test_a_password_is_refused_there_as_well(client_of: ClientOf, only: IdentityProvider, alice: User) -> None:
    browser = client_of(alice)

    browser.post("/auth/reauthenticate/", {"password": PASSWORD, "next": "/profile/"})

    assert "account_authentication_methods" not in browser.session


def test_who_can_be_asked_nothing_is_told_what_helps(
    client_of: ClientOf, beside: IdentityProvider, alice: User
) -> None:
    alice.set_unusable_password()
    alice.save()
    browser = client_of(alice)
    session = browser.session
    session["signed_in_by"] = {"provider": beside.pk, "identity": 1}
    session.save()
    IdentityProvider.objects.update(is_on=False)

    answer = browser.get("/auth/reauthenticate/")

    assert answer.status_code == 403
    assert "Sign out, then sign in again" in answer.content.decode()


# ── What is written down ────────────────────────────────────────────────────
def test_whoever_comes_in_by_a_password_is_in_the_log(client: Client, alice: User) -> None:
    client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD}, REMOTE_ADDR="203.0.113.9")

    entry = SignInEntry.objects.get()
    assert (entry.account_id, entry.user_id, entry.email) == (alice.account_id, alice.pk, alice.email)
    assert (entry.method, entry.outcome, entry.cause) == ("password", "signed_in", "")
    assert entry.ip_address == "203.0.113.9"


def test_what_fails_is_in_the_log_with_its_cause(client: Client, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    client.post(SIGN_IN, {"login": bob.email, "password": PASSWORD})
    for _ in range(8):
        client.post(SIGN_IN, {"login": alice.email, "password": WRONG})

    assert entries() == [
        (bob.email, "refused", Cause.DEACTIVATED),
        *[(alice.email, "refused", Cause.WRONG_PASSWORD)] * 5,
        (alice.email, "refused", Cause.TOO_MANY_TRIES),
    ]
    assert WRONG not in str(list(SignInEntry.objects.values_list()))


@pytest.mark.django_db
def test_of_somebody_nobody_knows_nothing_is_written(client: Client) -> None:
    client.post(SIGN_IN, {"login": "nobody@kestrel.example", "password": WRONG})

    assert not SignInEntry.objects.exists()
