"""Choosing EWS in the settings: what belongs together, which address may stand there, and what has to be known."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import Account, AuditEntry, PendingChange, SettingDecision, User
from integrations.exchange import retirement
from integrations.models import ExchangeServer
from integrations.preferences import Api, Method, Service, ServicePolicy
from tests.accounts.settings.reading import decide, decision, row, said, text_of
from tests.cast import FOUNDED, Cast, ClientOf

pytestmark = pytest.mark.django_db

PAGE = "/account/settings/mail-calendar/"
KEY = "integrations.services"
ADDRESS = "https://mail.kestrel.example/EWS/Exchange.asmx"
BY_EWS = {"default_service": "office_365", "authorize_with": "ews", "who_can_set_up": "oauth", "ews_url": ""}
AT_SERVER = {
    "default_service": "exchange",
    "authorize_with": "ews",
    "who_can_set_up": "password",
    "ews_url": "https://mail.kestrel.example/EWS/Exchange.asmx",
}
PASSWORD = ServicePolicy(Service.EXCHANGE, Api.EWS, Method.PASSWORD, ews_url=ADDRESS)
IMPERSONATION = ServicePolicy(Service.EXCHANGE, Api.EWS, Method.IMPERSONATION, ews_url=ADDRESS)


@pytest.fixture(autouse=True)
def _operator(settings: Any) -> None:
    settings.MICROSOFT_EWS_URL = "https://outlook.office365.com/EWS/Exchange.asmx"
    settings.EXCHANGE_PORTS = [443, 8444]
    settings.PRIVATE_NETWORKS_ALLOWED = []


def chosen(client: Any, sent: dict[str, str], page: str = PAGE) -> dict[str, Any]:
    """What is stored after the sheet was confirmed."""
    response = client.post(f"{page}{KEY}/", sent)
    assert response.status_code == 302, said(row(response, "services"))
    assert client.post(response["Location"], {"said": "0", "seen": ""}).status_code == 302
    value: dict[str, Any] = decision(KEY).value
    return value


# ── What the page offers ────────────────────────────────────────────────────
def test_ews_is_offered_with_its_warning_both_dates_and_its_address(dana: User, client_of: ClientOf) -> None:
    shown = row(client_of(dana).get(PAGE), "services")

    for words in (
        "Exchange Web Services (EWS)",
        "EWS opens the whole mailbox",
        "1 October 2026",
        "1 April 2027",
        "Exchange servers of your own are not affected",
        "EWS URL",
        "Users can set up the integration by using their Exchange user name and password",
        "Exchange admin can set up the integration by using an impersonation account",
    ):
        assert words in said(shown)
    assert 'value="exchange"' in shown
    assert 'aria-describedby="services_authorize_with_ews_warning"' in shown


def test_without_a_script_each_choice_says_with_which_others_it_goes(dana: User, client_of: ClientOf) -> None:
    shown = said(row(client_of(dana).get(PAGE), "services"))

    assert shown.count("Only with Office 365.") == 3
    assert shown.count("Only with Exchange.") == 2
    assert shown.count("Only with Graph API.") == 2
    assert shown.count("Only with Exchange Web Services (EWS).") == 1


# ── What belongs together ───────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"authorize_with": "graph", "ews_url": ""}, "know Exchange Web Services (EWS) only"),
        ({"who_can_set_up": "oauth"}, "With Exchange, people use their own user name and password"),
        ({"who_can_set_up": "application_permissions"}, "With Exchange, people use their own user name and password"),
        ({"default_service": "office_365"}, "With Office 365, people use OAuth"),
        ({"ews_url": ""}, "Say at which address your own Exchange server answers"),
        ({"ews_url": "https://outlook.office365.com/EWS/Exchange.asmx"}, "Microsoft’s own is of Office 365"),
    ],
)
def test_what_does_not_belong_together_is_refused_in_words_and_kept_as_it_was_sent(
    change: dict[str, str], says: str, dana: User, client_of: ClientOf
) -> None:
    sent = {**AT_SERVER, **change}

    response = client_of(dana).post(f"{PAGE}{KEY}/", sent)

    shown = row(response, "services")
    assert response.status_code == 422
    assert says in said(shown)
    for name in ("default_service", "authorize_with", "who_can_set_up"):
        assert f'name="{name}" value="{sent[name]}" checked' in shown
    assert not PendingChange.objects.exists()


def test_all_that_is_wrong_is_said_at_once(dana: User, client_of: ClientOf) -> None:
    sent = {"default_service": "exchange", "authorize_with": "graph", "who_can_set_up": "oauth", "ews_url": ""}

    shown = said(row(client_of(dana).post(f"{PAGE}{KEY}/", sent), "services"))

    assert "know Exchange Web Services (EWS) only" in shown
    assert "With Exchange, people use their own user name and password" in shown


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("http://mail.kestrel.example/EWS/Exchange.asmx", "begins with https://"),
        ("ftp://mail.kestrel.example", "begins with https://"),
        ("https://svc:secret@mail.kestrel.example/EWS/Exchange.asmx", "Leave the user name and password out"),
        ("https://mail.kestrel.example:9000/EWS/Exchange.asmx", "Port 9000 is not allowed"),
        ("https://mail.kestrel.example/EWS/Exchange.asmx#x", "ends with its path"),
        ("https://10.1.2.3/EWS/Exchange.asmx", "leads to a private address"),
        ("https://[fd00::1]/EWS/Exchange.asmx", "leads to a private address"),
        ("https://127.0.0.1/EWS/Exchange.asmx", "leads to a private address"),
        ("https://localhost/EWS/Exchange.asmx", "leads to a private address"),
        ("mail server", "no spaces"),
        ("https://" + "a" * 300, "at most 300 characters"),
    ],
)
def test_an_address_that_may_not_stand_there_is_refused_and_kept_as_it_was_typed(
    typed: str, says: str, dana: User, client_of: ClientOf
) -> None:
    response = client_of(dana).post(f"{PAGE}{KEY}/", {**AT_SERVER, "ews_url": typed})

    shown = row(response, "services")
    assert response.status_code == 422
    assert says in said(shown)
    assert f'name="ews_url" value="{html.escape(typed)}"' in shown
    assert not PendingChange.objects.exists()


def test_a_private_address_is_for_the_operator_to_allow(dana: User, client_of: ClientOf, settings: Any) -> None:
    settings.PRIVATE_NETWORKS_ALLOWED = ["10.0.0.0/8"]

    value = chosen(client_of(dana), {**AT_SERVER, "ews_url": "https://10.1.2.3:8444/ews/exchange.asmx"})

    assert value["ews_url"] == "https://10.1.2.3:8444/ews/exchange.asmx"


def test_microsofts_tokens_are_sent_nowhere_but_to_microsoft(dana: User, client_of: ClientOf) -> None:
    response = client_of(dana).post(f"{PAGE}{KEY}/", {**BY_EWS, "ews_url": "https://evil.example/EWS/Exchange.asmx"})

    assert response.status_code == 422
    assert "Office 365 is asked at Microsoft’s own address and no other" in said(row(response, "services"))


@pytest.mark.parametrize("typed", ["", "https://OUTLOOK.office365.com/EWS/Exchange.asmx", "outlook.office365.com"])
def test_microsofts_own_address_need_not_be_named(typed: str, dana: User, client_of: ClientOf) -> None:
    assert chosen(client_of(dana), {**BY_EWS, "ews_url": typed})["ews_url"] == ""


def test_an_address_is_stored_as_meridian_writes_it(dana: User, client_of: ClientOf) -> None:
    value = chosen(client_of(dana), {**AT_SERVER, "ews_url": " Mail.Kestrel.example "})

    assert value["ews_url"] == ADDRESS


# ── What means nothing beside the others ────────────────────────────────────
def test_with_ews_the_ceilings_of_graph_stay_as_they_were(cast: Cast, client_of: ClientOf) -> None:
    decide(KEY, ServicePolicy(contacts_write=False), cast.kestrel, cast.dana)

    value = chosen(client_of(cast.dana), BY_EWS)

    assert (value["calendar_write"], value["contacts_write"]) == (True, False)


def test_back_at_graph_the_address_is_gone(cast: Cast, client_of: ClientOf) -> None:
    decide(KEY, PASSWORD, cast.kestrel, cast.dana)
    sent = {**AT_SERVER, "default_service": "office_365", "authorize_with": "graph", "who_can_set_up": "oauth"}

    value = chosen(client_of(cast.dana), sent)

    assert (value["authorize_with"], value["ews_url"]) == ("graph", "")


def test_a_group_sees_of_ews_what_counts_and_no_permissions(cast: Cast, client_of: ClientOf) -> None:
    decide(KEY, PASSWORD, cast.kestrel, cast.dana)

    shown = said(row(client_of(cast.gus).get(f"/groups/{cast.sales.pk}/settings/mail-calendar/"), "services"))

    assert f"EWS URL {ADDRESS}" in shown
    assert "permission to write" not in shown


# ── What has to be known ────────────────────────────────────────────────────
def test_while_office_365_goes_by_ews_the_row_counts_the_days(cast: Cast, client_of: ClientOf) -> None:
    decide(KEY, ServicePolicy(authorize_with=Api.EWS), cast.kestrel, cast.dana)

    shown = row(client_of(cast.dana).get(PAGE), "services")

    assert retirement.sentence(timezone.localdate()) in said(shown)
    assert 'href="/account/ews/"' in shown


def test_the_row_says_that_the_impersonation_account_is_missing_until_one_is_set(
    cast: Cast, client_of: ClientOf
) -> None:
    decide(KEY, IMPERSONATION, cast.kestrel, cast.dana)
    missing = row(client_of(cast.dana).get(PAGE), "services")
    ExchangeServer.objects.update_or_create(
        account=cast.kestrel, address=ADDRESS, defaults={"password": "sealed", "user_name": "svc", "since_at": FOUNDED}
    )

    there = row(client_of(cast.dana).get(PAGE), "services")

    assert "No impersonation account is set for mail.kestrel.example." in said(missing)
    assert 'href="/account/exchange-servers/"' in missing
    assert "No impersonation account" not in said(there)


def test_who_administers_a_group_reads_it_without_a_link_to_what_is_not_theirs(cast: Cast, client_of: ClientOf) -> None:
    decide(KEY, IMPERSONATION, cast.sales, cast.dana)

    shown = row(client_of(cast.gus).get(f"/groups/{cast.sales.pk}/settings/mail-calendar/"), "services")

    assert "No impersonation account is set for mail.kestrel.example." in said(shown)
    assert "/account/exchange-servers/" not in shown


@pytest.mark.parametrize(
    ("sent", "says", "says_not"),
    [
        (BY_EWS, ("Full mailbox access.", "1 April 2027", "agrees at Microsoft once"), "user name and password for"),
        (AT_SERVER, ("Full mailbox access.", "user name and password for mail.kestrel.example once"), "1 April 2027"),
        (
            {**AT_SERVER, "who_can_set_up": "impersonation"},
            ("one account opens, at mail.kestrel.example,", "No impersonation account is set", "Contacts are not read"),
            "1 April 2027",
        ),
    ],
)
def test_the_sheet_says_what_ews_opens_before_it_is_chosen(
    sent: dict[str, str], says: tuple[str, ...], says_not: str, dana: User, client_of: ClientOf
) -> None:
    shown = text_of(client_of(dana).post(f"{PAGE}{KEY}/", sent, follow=True))

    assert "What EWS can and cannot do" in shown
    assert [words for words in says if words not in shown] == []
    assert says_not not in shown


def test_it_is_not_said_again_where_only_something_else_changes(cast: Cast, client_of: ClientOf) -> None:
    decide(KEY, PASSWORD, cast.kestrel, cast.dana)

    locking = {"act": "lock", "value": "on"}
    shown = text_of(client_of(cast.dana).post(f"{PAGE}{KEY}/", locking, follow=True))

    assert "Review changes" in shown
    assert "What EWS can and cannot do" not in shown


# ── For a group, undone, and in the audit log ───────────────────────────────
def test_a_group_goes_by_ews_alone_and_its_admin_takes_it_back(cast: Cast, client_of: ClientOf) -> None:
    page = f"/groups/{cast.sales.pk}/settings/mail-calendar/"
    client = client_of(cast.gus)

    value = chosen(client, AT_SERVER, page)
    shown = text_of(client.get(page))
    entry = AuditEntry.objects.get(setting_key=KEY)
    sheet = client.post(reverse("change_undo", args=[entry.pk]), {"next": page})
    client.post(sheet["Location"], {"said": "0", "seen": ""})

    assert value["default_service"] == "exchange"
    assert "Exchange by Exchange Web Services (EWS), set for Sales by Gus" in shown
    assert not SettingDecision.objects.exists()


def test_the_audit_log_names_what_became_of_each_part(kestrel: Account, dana: User) -> None:
    decide(KEY, PASSWORD, kestrel, dana)
    entry = decide(KEY, ServicePolicy(), kestrel, dana)

    changes = {change.label: (change.before, change.after) for change in audit.changes(entry.before, entry.after)}

    assert changes["EWS URL"] == (ADDRESS, "None")
    assert changes["Authorize with"] == ("Exchange Web Services (EWS)", "Graph API")


@pytest.mark.parametrize("left", ["nonsense", "https://10.0.0.1/", "https://mail.kestrel.example:9999/"])
def test_what_is_left_in_the_ews_url_is_no_obstacle_to_graph(dana: User, client_of: ClientOf, left: str) -> None:
    by_graph = BY_EWS | {"authorize_with": "graph", "who_can_set_up": "application_permissions", "ews_url": left}

    answer = client_of(dana).post(f"{PAGE}{KEY}/", by_graph)

    assert answer.status_code == 302
