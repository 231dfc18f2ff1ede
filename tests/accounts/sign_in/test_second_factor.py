"""The second factor: turned on, asked for, lost, reset; and the page Profile > Security."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from accounts import letters as post_office
from accounts.models import AuditEntry, IdentityProvider, Letter, Protocol, Role, User
from accounts.sign_in import second_factor
from tests.at_once import at_once
from tests.cast import FOUNDED, PASSWORD, Cast, ClientOf, joined

pytestmark = pytest.mark.django_db

ON, OFF = "mfa_activate_totp", "mfa_deactivate_totp"


def code_of(secret: str, *, ahead: int = 0) -> str:
    """What the app shows now; or some half minutes ahead."""
    return str(totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + ahead)))


def turned_on(browser: Client) -> str:
    """The key that the app got."""
    browser.get(reverse(ON))
    secret = str(browser.session[totp.SECRET_SESSION_KEY])
    answer = browser.post(reverse(ON), {"code": code_of(secret)})
    assert answer.headers["Location"] == reverse("mfa_view_recovery_codes")
    return secret


@pytest.fixture
def secret(alice: User, client_of: ClientOf) -> str:
    """Of Alice, who has turned it on."""
    return turned_on(client_of(alice))


def sign_in(browser: Client, person: User) -> Any:
    return browser.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})


def give(browser: Client, code: str) -> Any:
    return browser.post(reverse("mfa_authenticate"), {"code": code})


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


# ── Turning it on ───────────────────────────────────────────────────────────
def test_it_is_turned_on_by_a_code_of_the_app(
    alice: User, client_of: ClientOf, letters: Callable[[], Any], mailoutbox: list[EmailMessage]
) -> None:
    browser = client_of(alice)
    page = browser.get(reverse(ON)).content.decode()
    secret = browser.session[totp.SECRET_SESSION_KEY]
    with letters():
        answer = browser.post(reverse(ON), {"code": code_of(secret)}, follow=True)

    assert "<svg" in page
    assert "style=" not in page
    assert "data:image" not in page
    assert f">{secret}</code>" in page
    assert "issuer=Meridian" in page
    assert "You see them this once." in answer.content.decode()
    assert second_factor.standing(alice).codes_left == 10
    assert actions() == ["person.second_factor_on"]
    assert mailoutbox[0].subject == "The second factor for Meridian is on"
    assert "Was it you?" in str(mailoutbox[0].body)
    assert secret not in str(mailoutbox[0].body)


def test_a_wrong_code_turns_nothing_on(alice: User, client_of: ClientOf) -> None:
    browser = client_of(alice)
    browser.get(reverse(ON))
    secret = browser.session[totp.SECRET_SESSION_KEY]

    answer = browser.post(reverse(ON), {"code": "000000" if code_of(secret) != "000000" else "111111"})

    assert "This code is not right." in answer.content.decode()
    assert f">{secret}</code>" in answer.content.decode()  # the same key: the app has it already
    assert not Authenticator.objects.exists()
    assert actions() == []


def test_what_is_stored_is_sealed(alice: User, secret: str) -> None:
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))

    assert secret not in stored
    assert stored.count("v1.") == 2
    assert not [code for code in codes_of(alice) if code in stored]


def codes_of(person: User) -> list[str]:
    found: list[str] = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()
    return found


def test_it_is_not_turned_on_twice(alice: User, secret: str, client_of: ClientOf) -> None:
    assert client_of(alice).get(reverse(ON)).headers["Location"] == reverse("security")


@pytest.mark.parametrize("name", [ON, OFF, "mfa_generate_recovery_codes", "mfa_view_recovery_codes"])
def test_after_a_while_it_is_asked_who_it_is(name: str, alice: User, secret: str, client_of: ClientOf) -> None:
    browser = client_of(alice)
    session = browser.session
    session["began_at"] -= 16 * 60
    session.save()

    for answer in (browser.get(reverse(name)), browser.post(reverse(name))):
        assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert Authenticator.objects.filter(user=alice).count() == 2


# ── Signing in ──────────────────────────────────────────────────────────────
def test_after_the_password_the_code_is_asked_for(client: Client, alice: User, secret: str) -> None:
    asked = sign_in(client, alice)

    assert asked.headers["Location"] == reverse("mfa_authenticate")
    assert not is_in(client)
    assert "Your password was right." in client.get(reverse("mfa_authenticate")).content.decode()
    give(client, code_of(secret, ahead=1))
    assert is_in(client)
    assert actions()[-1] == "person.signed_in"


def test_the_password_alone_opens_nothing(client: Client, alice: User, secret: str) -> None:
    sign_in(client, alice)

    assert client.get(reverse("profile")).headers["Location"].startswith(reverse("account_login"))


def test_whoever_has_none_is_not_asked(client: Client, bob: User) -> None:
    sign_in(client, bob)

    assert is_in(client)


def test_a_code_counts_once(alice: User, secret: str) -> None:
    """Also after half a minute, while it would still be right: allauth alone forgets it by then."""
    first, second = Client(), Client()
    code = code_of(secret, ahead=1)
    sign_in(first, alice)
    give(first, code)
    sign_in(second, alice)

    answer = give(second, code)

    assert is_in(first)
    assert not is_in(second)
    assert "each counts once" in answer.content.decode()


def test_the_code_that_turned_it_on_signs_nobody_in(client: Client, alice: User, secret: str) -> None:
    sign_in(client, alice)
    give(client, code_of(secret))

    assert not is_in(client)


def test_a_code_older_than_the_last_does_not_count(client: Client, alice: User, secret: str) -> None:
    assert second_factor.redeem(alice, code_of(secret, ahead=1), now=FOUNDED)

    sign_in(client, alice)
    for ahead in (-1, 0, 2):  # before; and farther ahead than clocks may differ
        give(client, code_of(secret, ahead=ahead))
        assert not is_in(client)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_two_at_the_same_moment_one_code_lets_one_in(kind: str, alice: User, secret: str) -> None:
    code = code_of(secret, ahead=1) if kind == "app" else codes_of(alice)[0]
    let_in: list[object] = []

    def come() -> None:
        let_in.append(second_factor.redeem(alice, code, now=FOUNDED))

    at_once(come, come)

    assert len([one for one in let_in if one]) == 1


def test_a_recovery_code_counts_once(client: Client, alice: User, secret: str) -> None:
    code = codes_of(alice)[3]
    sign_in(client, alice)
    give(client, code)
    again = Client()
    sign_in(again, alice)
    give(again, code)

    assert is_in(client)
    assert not is_in(again)
    assert second_factor.standing(alice).codes_left == 9
    used = AuditEntry.objects.get(action="person.recovery_code_used")
    assert used.after == {"codes_left": 9}


def test_five_wrong_codes_stop_it_and_stop_nobody_else(client: Client, alice: User, bob: User, secret: str) -> None:
    sign_in(client, alice)
    for _ in range(second_factor.WRONG_CODES):
        give(client, "00000000")

    answer = give(client, code_of(secret, ahead=1))

    assert "Wait fifteen minutes" in answer.content.decode()
    assert not is_in(client)
    assert not second_factor.is_stopped(bob)
    elsewhere = Client()
    sign_in(elsewhere, alice)
    give(elsewhere, code_of(secret, ahead=1))
    assert not is_in(elsewhere)


def test_a_right_code_forgets_the_wrong_ones(client: Client, alice: User, secret: str) -> None:
    sign_in(client, alice)
    give(client, "00000000")

    give(client, code_of(secret, ahead=1))
    for _ in range(second_factor.WRONG_CODES - 1):
        second_factor.count_wrong(alice)

    assert not second_factor.is_stopped(alice)


@pytest.mark.parametrize("code", ["", "\0", "9" * 5000, "²²²²²²", "' or 1=1", "١٢٣٤٥٦"])
def test_nonsense_is_a_wrong_code(code: str, client: Client, alice: User, secret: str) -> None:
    sign_in(client, alice)

    assert give(client, code).status_code == 200
    assert not is_in(client)


# ── Recovery codes ──────────────────────────────────────────────────────────
def test_recovery_codes_are_shown_once_and_downloaded_then(alice: User, secret: str, client_of: ClientOf) -> None:
    browser = client_of(alice)
    first = browser.get(reverse("mfa_view_recovery_codes")).content.decode()
    file = browser.get(reverse("mfa_download_recovery_codes"))
    again = browser.get(reverse("mfa_view_recovery_codes")).content.decode()
    elsewhere = client_of(alice).get(reverse("mfa_download_recovery_codes"))

    for code in codes_of(alice):
        assert code in first
        assert code in file.content.decode()
        assert code not in again
    assert "10 recovery codes are left of 10." in again
    assert file.headers["Content-Disposition"] == 'attachment; filename="meridian-recovery-codes.txt"'
    assert "no-store" in file.headers["Cache-Control"]
    assert elsewhere.status_code == 404


def test_the_download_ends_after_ten_minutes(alice: User, secret: str, client_of: ClientOf) -> None:
    browser = client_of(alice)
    browser.get(reverse("mfa_view_recovery_codes"))
    session = browser.session
    session["recovery_codes_shown"]["at"] -= 601
    session.save()

    assert browser.get(reverse("mfa_download_recovery_codes")).status_code == 404


def test_new_recovery_codes_replace_the_old(
    alice: User, secret: str, client_of: ClientOf, letters: Callable[[], Any], mailoutbox: list[EmailMessage]
) -> None:
    browser, before = client_of(alice), codes_of(alice)
    asked = browser.get(reverse("mfa_generate_recovery_codes")).content.decode()
    with letters():
        browser.post(reverse("mfa_generate_recovery_codes"))

    assert "The 10 codes left from before no longer count then." in asked
    assert not set(before) & set(codes_of(alice))
    assert actions()[-1] == "person.recovery_codes_made"
    assert mailoutbox[-1].subject == "New recovery codes for Meridian"


# ── Turning it off ──────────────────────────────────────────────────────────
def test_it_is_turned_off_with_the_recovery_codes(
    alice: User, secret: str, client_of: ClientOf, letters: Callable[[], Any], mailoutbox: list[EmailMessage]
) -> None:
    browser = client_of(alice)
    asked = browser.get(reverse(OFF)).content.decode()
    with letters():
        done = browser.post(reverse(OFF), follow=True).content.decode()

    assert "Your recovery codes no longer count." in asked
    assert "Your password alone signs you in." in done
    assert not Authenticator.objects.exists()
    assert actions()[-1] == "person.second_factor_off"
    assert mailoutbox[-1].subject == "The second factor for Meridian is off"


# ── Lost ────────────────────────────────────────────────────────────────────
def test_an_admin_resets_it_and_the_person_is_told(
    cast: Cast, secret: str, client_of: ClientOf, mailoutbox: list[EmailMessage]
) -> None:
    dana, address = client_of(cast.dana), reverse("person_second_factor", args=[cast.alice.pk])
    shown = dana.get(reverse("person", args=[cast.alice.pk])).content.decode()
    asked = dana.get(address).content.decode()
    done = dana.post(address, follow=True).content.decode()

    assert f'href="{address}"' in shown
    assert "Make sure that it is really Alice who asks." in asked
    assert "The second factor of Alice is off." in done
    assert not Authenticator.objects.exists()
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor, entry.about_id) == ("person.second_factor_reset", cast.dana, cast.alice.pk)
    letter = Letter.objects.get()
    assert (letter.person, letter.subject) == (cast.alice, "Your second factor for Meridian was reset")
    assert "Dana has reset your second factor" in letter.text
    post_office.send_waiting(now=letter.created_at)
    assert mailoutbox[-1].to == [cast.alice.email]
    assert "There is nothing to reset" in dana.get(address).content.decode()
    assert "it is off" in dana.post(address, follow=True).content.decode()


def test_only_who_may_manage_the_person_resets_it(cast: Cast, secret: str, client_of: ClientOf) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    turned_on(client_of(cast.dana))

    def answer(by: User, of: User) -> int:
        return client_of(by).post(reverse("person_second_factor", args=[of.pk])).status_code

    assert answer(cast.alice, cast.alice) == 403
    assert answer(cast.gus, cast.alice) == 403
    assert answer(ada, cast.dana) == 403  # only owners manage owners
    assert answer(cast.mallory, cast.alice) == 404
    assert Authenticator.objects.count() == 4


def test_who_has_none_has_no_button_for_it(cast: Cast, client_of: ClientOf) -> None:
    text = client_of(cast.dana).get(reverse("person", args=[cast.alice.pk])).content.decode()

    assert reverse("person_second_factor", args=[cast.alice.pk]) not in text


# ── Security ────────────────────────────────────────────────────────────────
def only_single_sign_on(person: User) -> None:
    IdentityProvider.objects.create(
        account=person.account,
        key="k1",
        name="Entra",
        protocol=Protocol.SAML,
        issuer="i",
        email_claim="email",
        is_on=True,
        is_only=True,
        created_at=FOUNDED,
        changed_at=FOUNDED,
    )


def test_security_shows_how_one_signs_in(alice: User, client_of: ClientOf) -> None:
    browser = client_of(alice)
    off = browser.get(reverse("security")).content.decode()
    turned_on(browser)
    on = browser.get(reverse("security")).content.decode()

    assert f'href="{reverse(ON)}"' in off
    assert f'href="{reverse("account_change_password")}"' in off
    assert "10 left" in on
    assert f'href="{reverse(OFF)}"' in on
    assert f'href="{reverse("security")}"' in browser.get(reverse("profile")).content.decode()


def test_whose_only_way_is_single_sign_on_reads_why_there_is_nothing(alice: User, client_of: ClientOf) -> None:
    only_single_sign_on(alice)
    browser = client_of(alice)

    text = browser.get(reverse("security")).content.decode()

    assert "is up to your identity provider" in text
    assert "The password you had does not count." in text
    assert reverse(ON) not in text
    assert browser.get(reverse(ON)).headers["Location"] == reverse("security")
    User.objects.filter(pk=alice.pk).update(keeps_password=True)
    assert reverse(ON) in client_of(User.objects.get(pk=alice.pk)).get(reverse("security")).content.decode()


def test_who_has_no_password_reads_why_there_is_nothing(alice: User, client_of: ClientOf) -> None:
    alice.set_unusable_password()
    alice.save()

    text = client_of(alice).get(reverse("security")).content.decode()

    assert "without a password here" in text
    assert reverse(ON) not in text


def test_signing_out_everywhere_else_keeps_this_session(alice: User, bob: User, client_of: ClientOf) -> None:
    here, elsewhere, bobs = client_of(alice), client_of(alice), client_of(bob)
    before = here.session.session_key

    done = here.post(reverse("security_sign_out"), follow=True).content.decode()

    assert "You are signed out everywhere else." in done
    assert here.session.session_key != before
    assert here.get(reverse("profile")).status_code == 200
    assert elsewhere.get(reverse("profile")).status_code == 302
    assert bobs.get(reverse("profile")).status_code == 200
    assert actions() == ["person.signed_out_elsewhere"]
    assert elsewhere.get(reverse("security_sign_out")).status_code == 405


def test_a_code_shows_again_who_it_is(alice: User, bob: User, secret: str, client_of: ClientOf) -> None:
    browser = client_of(alice)
    session = browser.session
    session["began_at"] -= 16 * 60
    session.save()
    back = reverse("security")
    page = browser.get(reverse("mfa_reauthenticate"), {"next": back}).content.decode()

    answer = browser.post(reverse("mfa_reauthenticate"), {"code": code_of(secret, ahead=1), "next": back})

    assert "Give a code of your app." in page
    assert f'href="{reverse("account_reauthenticate")}?next=' in page
    asked = client_of(alice).get(reverse("account_reauthenticate"), {"next": back}).content.decode()
    assert f'href="{reverse("mfa_reauthenticate")}?next=' in asked
    assert "By a code instead" not in client_of(bob).get(reverse("account_reauthenticate")).content.decode()
    assert answer.headers["Location"] == back
    assert browser.get(reverse(OFF)).status_code == 200
