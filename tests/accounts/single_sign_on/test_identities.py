"""Who somebody is at an identity provider: shown, and released by an admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import (
    Account,
    AuditEntry,
    Bond,
    IdentityProvider,
    Protocol,
    Role,
    SingleSignOnIdentity,
    User,
)
from accounts.single_sign_on import identities
from tests.cast import FOUNDED, Cast, ClientOf, joined

pytestmark = pytest.mark.django_db

NOW = FOUNDED + timedelta(days=30)
SUBJECT = "3c9d8f10-5b64-4a53-8c1e-7d2f90ab12cd"


def provider_of(account: Account) -> IdentityProvider:
    return IdentityProvider.objects.create(
        account=account,
        key=f"k{account.pk}",
        name=f"{account} Entra",
        protocol=Protocol.OPENID_CONNECT,
        issuer="https://login.example/t/v2.0",
        is_on=True,
        email_claim="email",
        created_at=NOW,
        changed_at=NOW,
    )


def bound(person: User, **what: Any) -> SingleSignOnIdentity:
    given: dict[str, Any] = {
        "provider": IdentityProvider.objects.filter(account=person.account).first() or provider_of(person.account),
        "user": person,
        "issuer": "https://login.example/t/v2.0",
        "subject": SUBJECT,
        "email": f"upn.{person.email}",
        "bond": Bond.DOMAIN,
        "bound_at": NOW,
        "last_used_at": NOW,
    }
    return SingleSignOnIdentity.objects.create(**given | what)


def release(browser: Client, person: User, identity: object) -> Any:
    return browser.post(reverse("person_release", args=[person.pk]), {"identity": identity}, follow=True)


def test_an_admin_sees_them_on_the_persons_page(cast: Cast, client_of: ClientOf) -> None:
    bound(cast.alice)

    text = client_of(cast.dana).get(reverse("person", args=[cast.alice.pk])).content.decode()

    for part in (
        "Kestrel &amp; Co Entra",
        "https://login.example/t/v2.0",
        "3c9d8f10…12cd",
        "upn.alice@kestrel.example",
    ):
        assert part in text
    assert "by: Verified domain" in text
    assert SUBJECT not in text
    assert f'href="{reverse("sign_ins")}?person={cast.alice.pk}"' in text
    assert f'href="{reverse("person_release", args=[cast.alice.pk])}"' in text


def test_who_is_bound_to_nothing_has_nothing_to_release(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)

    text = dana.get(reverse("person", args=[cast.alice.pk])).content.decode()

    assert "Alice is not bound to any identity provider." in text
    assert reverse("person_release", args=[cast.alice.pk]) not in text
    asked = dana.get(reverse("person_release", args=[cast.alice.pk])).content.decode()
    assert "There is nothing to release" in asked


def test_ones_own_are_shown_and_cannot_be_released(cast: Cast, client_of: ClientOf) -> None:
    identity = bound(cast.alice)
    alice = client_of(cast.alice)

    text = alice.get(reverse("profile")).content.decode()

    assert "upn.alice@kestrel.example" in text
    assert reverse("person_release", args=[cast.alice.pk]) not in text
    assert release(alice, cast.alice, identity.pk).status_code == 403
    assert SingleSignOnIdentity.objects.exists()


def test_an_admin_releases_after_reading_what_it_means(cast: Cast, client_of: ClientOf) -> None:
    identity = bound(cast.alice)
    dana, alice = client_of(cast.dana), client_of(cast.alice)

    page = dana.get(reverse("person_release", args=[cast.alice.pk])).content.decode()
    done = release(dana, cast.alice, identity.pk).content.decode()

    assert "Open sessions of Alice end at once." in page
    assert "Alice is released, and may be bound anew at the next sign-in." in done
    assert not SingleSignOnIdentity.objects.exists()
    assert alice.get(reverse("profile")).status_code == 302
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor, entry.about_id) == ("person.identity_released", cast.dana, cast.alice.pk)
    assert entry.before == {"provider": "Kestrel & Co Entra", "address": "upn.alice@kestrel.example"}
    bound(cast.alice, bond=Bond.PASSWORD)  # nothing is in the way of another bond


def test_what_was_released_meanwhile_is_said(cast: Cast, client_of: ClientOf) -> None:
    identity = bound(cast.alice)
    dana = client_of(cast.dana)
    release(dana, cast.alice, identity.pk)

    again = release(dana, cast.alice, identity.pk).content.decode()

    assert "This identity was released meanwhile." in again


@pytest.mark.parametrize("sent", ["", "²", "9" * 5000, "-1"])
def test_nonsense_releases_nothing(sent: str, cast: Cast, client_of: ClientOf) -> None:
    bound(cast.alice)

    release(client_of(cast.dana), cast.alice, sent)

    assert SingleSignOnIdentity.objects.count() == 1


def test_somebody_elses_identity_is_not_released_by_way_of_another(cast: Cast, client_of: ClientOf) -> None:
    theirs, bobs = bound(cast.mallory), bound(cast.bob, subject="bob")
    dana = client_of(cast.dana)

    release(dana, cast.alice, theirs.pk)
    release(dana, cast.alice, bobs.pk)
    assert release(dana, cast.mallory, theirs.pk).status_code == 404

    assert SingleSignOnIdentity.objects.count() == 2


def test_an_admin_cannot_release_an_owner(cast: Cast, client_of: ClientOf) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    identity = bound(cast.dana)

    assert release(client_of(ada), cast.dana, identity.pk).status_code == 403
    assert SingleSignOnIdentity.objects.exists()


def test_releasing_asks_again_who_it_is_after_a_while(cast: Cast, client_of: ClientOf) -> None:
    identity = bound(cast.alice)
    dana = client_of(cast.dana)
    session = dana.session
    session["began_at"] -= 16 * 60
    session.save()

    answer = dana.post(reverse("person_release", args=[cast.alice.pk]), {"identity": identity.pk})

    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert SingleSignOnIdentity.objects.exists()


def test_a_short_subject_stands_as_it_is() -> None:
    assert identities.shortened("alice") == "alice"
    assert identities.shortened(SUBJECT) == "3c9d8f10…12cd"
