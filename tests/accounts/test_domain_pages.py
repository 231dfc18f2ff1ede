"""Account Profile: its domains, the details of one, and taking one away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import domains, openings
from accounts.domain_checks import Finding
from accounts.domain_proofs import FILE_NAME, record, tag
from accounts.models import Account, AssociatedDomain, DomainMethod, DomainState
from tests.cast import Cast, ClientOf

pytestmark = pytest.mark.django_db

NAME, TOKEN = "kestrel.example", "made-up_0123456789"


def made(account: Account, name: str = NAME, **more: Any) -> AssociatedDomain:
    given = {"token": TOKEN, "added_at": timezone.now(), **more}
    return AssociatedDomain.objects.create(account=account, name=name, **given)


def verified(account: Account, name: str = NAME, **more: Any) -> AssociatedDomain:
    now = timezone.now()
    return made(account, name, state=DomainState.VERIFIED, verified_at=now, checked_at=now, **more)


def opened(client: Any, name: str, *at: object, **query: str) -> str:
    return str(client.get(reverse(name, args=at), query).content.decode())


def test_the_page_leads_from_adding_to_the_details(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)
    assert "No associated domains yet" in opened(dana, "account_profile")

    answer = dana.post(reverse("account_profile"), {"domains": " Kestrel.Example "})

    domain = AssociatedDomain.objects.get()
    assert answer["Location"] == reverse("domain", args=[domain.pk])
    shown = opened(dana, "domain", domain.pk)
    assert record(domain.token) in shown
    assert "Not looked for yet." in shown


def test_several_lead_to_the_list(cast: Cast, client_of: ClientOf) -> None:
    dana = client_of(cast.dana)

    answer = dana.post(reverse("account_profile"), {"domains": f"{NAME}, möwe.example"}, follow=True)

    shown = answer.content.decode()
    assert "Added: kestrel.example and möwe.example. Now prove that they are yours." in shown
    assert "0 of 2 verified" in shown


def test_what_was_refused_is_said_and_kept(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).post(reverse("account_profile"), {"domains": "kestrel.example, gmail.com, co.uk"})

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "“gmail.com” is a public mail provider’s domain" in shown
    assert "“co.uk” is a registry’s suffix" in shown
    assert 'value="kestrel.example, gmail.com, co.uk"' in shown


@pytest.mark.parametrize(
    ("method", "lines"),
    [
        ("txt", [record(TOKEN), "<code>TXT</code>", "<code>@</code>"]),
        ("file", [record(TOKEN), f"https://{NAME}/{FILE_NAME}"]),
        ("meta", [tag(TOKEN).replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")]),
        ("nonsense", [record(TOKEN), "<code>TXT</code>"]),
    ],
)
def test_the_details_say_what_to_publish_and_where(
    method: str, lines: list[str], cast: Cast, client_of: ClientOf
) -> None:
    shown = opened(client_of(cast.dana), "domain", made(cast.kestrel).pk, method=method)

    assert [line for line in lines if line not in shown] == []
    assert "data-copy" in shown


def test_the_file_comes_ready_to_be_uploaded(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).get(reverse("domain_file", args=[made(cast.kestrel).pk]))

    assert answer.content.decode() == record(TOKEN) + "\n"
    assert answer["Content-Disposition"] == f'attachment; filename="{FILE_NAME}"'


def test_verifying_waits_for_a_worker_and_shows_it(cast: Cast, client_of: ClientOf) -> None:
    dana, domain = client_of(cast.dana), made(cast.kestrel)

    answer = dana.post(reverse("domain_verify", args=[domain.pk]), {"method": "meta"})
    shown = opened(dana, "domain", domain.pk)

    domain.refresh_from_db()
    assert answer["Location"] == f"{reverse('domain', args=[domain.pk])}?method=meta#standing"
    assert (domain.state, domain.method) == (DomainState.VERIFYING, DomainMethod.META)
    assert "Meridian is looking for the proof." in shown
    assert 'hx-trigger="load delay:1s"' in shown
    assert "Look again" in shown


def test_a_worker_that_is_silent_is_said_to_be(cast: Cast, client_of: ClientOf) -> None:
    asked = timezone.now() - timedelta(seconds=31)
    domain = made(cast.kestrel, state=DomainState.VERIFYING, asked_at=asked, check_due_at=asked)

    assert "No worker has answered for 30 seconds." in opened(client_of(cast.dana), "domain", domain.pk)


@pytest.mark.parametrize(
    ("finding", "method"),
    [
        (finding, method)
        for finding in Finding
        for method in DomainMethod.values
        # A TXT record has an end of its own.
        if finding and (finding, method) != (Finding.TOO_LARGE, DomainMethod.TXT)
    ],
)
def test_each_finding_has_its_words(finding: Finding, method: str, cast: Cast, client_of: ClientOf) -> None:
    found = "<script>alert(1)</script>"
    domain = made(cast.kestrel, method=method, trouble=finding, found=found, checked_at=timezone.now())

    shown = opened(client_of(cast.dana), "domain", domain.pk)

    assert 'class="notice' in shown
    assert "The proof was found." not in shown
    assert found not in shown


def test_while_nobody_answers_nothing_is_said_to_be_missing(cast: Cast, client_of: ClientOf) -> None:
    since = timezone.now() - timedelta(days=10)
    domain = verified(cast.kestrel, failing_since=since, trouble=Finding.NO_ANSWER)

    shown = opened(client_of(cast.dana), "domain", domain.pk)

    assert "Verified, not reached lately" in shown
    assert "Not reached since" in shown
    assert "issing" not in shown
    assert domains.counts_until(domain) == since + domains.GRACE_OF_THE_SILENT


def test_a_private_address_is_not_named(cast: Cast, client_of: ClientOf) -> None:
    domain = made(cast.kestrel, trouble=Finding.PRIVATE, found="10.96.0.12")

    shown = opened(client_of(cast.dana), "domain", domain.pk)

    assert "not on the public Internet" in shown
    assert "10.96.0.12" not in shown


def test_a_proof_that_is_missing_counts_until_a_day_that_is_named(cast: Cast, client_of: ClientOf) -> None:
    since = timezone.now() - timedelta(days=1)
    domain = verified(cast.kestrel, failing_since=since, trouble=Finding.ABSENT)

    shown = opened(client_of(cast.dana), "domain", domain.pk)

    assert "Verified, proof missing" in shown
    assert "Goes on counting until" in shown
    assert "The DNS has no such TXT record at kestrel.example yet." in shown


def test_removing_is_confirmed_with_what_ends(cast: Cast, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    says = ["31 people would be disconnected."]
    monkeypatch.setattr(openings, "domain_consequences", [lambda *_: says[0]])
    dana, domain = client_of(cast.dana), verified(cast.kestrel)
    address = reverse("domain_remove", args=[domain.pk])
    assert says[0] in opened(dana, "domain_remove", domain.pk)

    refused = dana.post(address, {"seen": "30 people would be disconnected."})
    assert (refused.status_code, domains.verified(cast.kestrel)) == (422, [NAME])
    assert "has changed since you opened this page" in refused.content.decode()

    done = dana.post(address, {"seen": says[0]}, follow=True)
    assert "kestrel.example is removed." in done.content.decode()
    assert domains.verified(cast.kestrel) == []


def test_a_stranger_finds_no_domain_of_ours(cast: Cast, client_of: ClientOf) -> None:
    domain, mallory = verified(cast.kestrel), client_of(cast.mallory)

    for name in ("domain", "domain_file", "domain_remove"):
        assert mallory.get(reverse(name, args=[domain.pk])).status_code == 404
    assert mallory.post(reverse("domain_verify", args=[domain.pk])).status_code == 404
    assert reverse("domain", args=[domain.pk]) not in opened(mallory, "account_profile")


@pytest.mark.parametrize("number", [5, 500])
def test_the_list_costs_the_same_at_any_size(
    number: int, cast: Cast, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    AssociatedDomain.objects.bulk_create(
        AssociatedDomain(account=cast.kestrel, name=f"d{n}.example", token="x", added_at=timezone.now())
        for n in range(number)
    )
    dana = client_of(cast.dana)

    with django_assert_num_queries(7):
        opened(dana, "account_profile")
