"""What is sent to a row: done at once where it is harmless, to be reviewed else, and never lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from accounts.cascade import write
from accounts.cascade.declare import by_key
from accounts.models import AuditEntry, PendingChange, SettingDecision
from tests.accounts.settings.quiet import Digest, Signature
from tests.accounts.settings.reading import decide, decision, page_of, row, said, sent, text_of
from tests.cast import Cast, ClientOf

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet")]

ACCOUNT = "/account/settings/quiet/"
OWN = "/settings/quiet/"


def group_page(cast: Cast) -> str:
    return reverse("group_settings_page", args=[cast.sales.pk, "quiet"])


# ── Harmless: at once ───────────────────────────────────────────────────────
def test_a_switch_is_saved_at_once_and_the_browser_is_back_at_the_row(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.gus).post(f"{group_page(cast)}quiet.reminders/", {"value": "off"})

    assert answer.headers["Location"] == f"{group_page(cast)}#setting-reminders"
    made = decision("quiet.reminders")
    assert (made.value, made.group, made.decided_by, made.is_locked) == (False, cast.sales, cast.gus, False)


@pytest.mark.parametrize(("place", "whom"), [("account", ""), ("group", " for Sales"), ("own", " for you")])
def test_it_says_what_it_saved_and_offers_to_undo_it(place: str, whom: str, cast: Cast, client_of: ClientOf) -> None:
    page = {"account": ACCOUNT, "group": group_page(cast), "own": OWN}[place]

    answer = client_of(cast.dana).post(f"{page}quiet.reminders/", {"value": "off"}, follow=True)

    assert f"“Remind people of what they forgot” is now Off{whom}. Undo" in text_of(answer)
    assert f'action="{reverse("change_undo", args=[AuditEntry.objects.get().pk])}"' in page_of(answer)


def test_the_switch_of_a_row_sends_the_other_value(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.alice)
    assert 'name="value" value="off" aria-checked="true"' in row(client.get(OWN), "reminders")

    client.post(f"{OWN}quiet.reminders/", {**sent(client.get(OWN), "reminders", "choose"), "value": "off"})

    assert 'name="value" value="on" aria-checked="false"' in row(client.get(OWN), "reminders")


@pytest.mark.parametrize(
    ("key", "data", "stored"),
    [
        ("quiet.digest", {"value": "weekly"}, "weekly"),
        ("quiet.snooze", {"value": "60"}, 60),
        ("quiet.signature", {"words": "Yours\nTruly"}, {"has_logo": False, "words": ["Truly", "Yours"]}),
        ("quiet.bells", {"value": "0"}, 0),
    ],
)
def test_every_kind_of_value_is_saved(
    key: str, data: dict[str, str], stored: Any, cast: Cast, client_of: ClientOf
) -> None:
    answer = client_of(cast.dana).post(f"{ACCOUNT}{key}/", data)

    assert answer.status_code == 302
    assert decision(key).value == stored


def test_an_override_pins_what_holds(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.signature", Signature(False, ("Yours",)), cast.kestrel, cast.dana)
    client = client_of(cast.gus)

    client.post(f"{group_page(cast)}quiet.signature/", sent(client.get(group_page(cast)), "signature", "override"))

    assert SettingDecision.objects.get(group=cast.sales).value == {"has_logo": False, "words": ["Yours"]}
    assert "Overridden, same value" in said(row(client.get(group_page(cast)), "signature"))


def test_inherit_takes_the_decision_back(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.sales, cast.gus)
    client = client_of(cast.gus)

    answer = client.post(
        f"{group_page(cast)}quiet.reminders/", sent(client.get(group_page(cast)), "reminders", "inherit"), follow=True
    )

    assert not SettingDecision.objects.exists()
    assert "“Remind people of what they forgot” follows Account again." in text_of(answer)


def test_an_admin_decides_for_a_person_and_the_log_says_so(cast: Cast, client_of: ClientOf) -> None:
    page = reverse("person_settings_page", args=[cast.alice.pk, "quiet"])

    answer = client_of(cast.dana).post(f"{page}quiet.reminders/", {"value": "off"}, follow=True)

    made, entry = decision("quiet.reminders"), AuditEntry.objects.get()
    assert (made.user, made.decided_by) == (cast.alice, cast.dana)
    assert (entry.actor, entry.level, entry.target_id) == (cast.dana, "user", str(cast.alice.pk))
    assert "is now Off for Alice." in text_of(answer)


def test_what_is_so_already_changes_nothing(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.alice, cast.alice)

    answer = client_of(cast.alice).post(f"{OWN}quiet.reminders/", {"value": "off"}, follow=True)

    assert AuditEntry.objects.count() == 1
    assert "is like that already. Nothing has changed." in text_of(answer)
    assert "Undo" not in page_of(answer)[: page_of(answer).index('<header class="page-head')]


# ── To be reviewed ──────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("quiet.reminders", {"act": "lock"}),
        ("integrations.enabled", {"value": "off"}),
        ("integrations.domains", {"is_on": "on", "domains": "kestrel.example"}),
    ],
)
def test_a_lock_and_whatever_has_consequences_is_reviewed_first(
    key: str, data: dict[str, str], cast: Cast, client_of: ClientOf
) -> None:
    page = ACCOUNT if key.startswith("quiet") else "/account/settings/mail-calendar/"

    answer = client_of(cast.dana).post(f"{page}{key}/", data)

    pending = PendingChange.objects.get()
    assert answer.headers["Location"] == reverse("change", args=[pending.pk])
    assert pending.back == f"{page}#setting-{key.partition('.')[2]}"
    assert not SettingDecision.objects.exists()


def test_a_lock_pins_the_value_that_was_inherited(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.digest", Digest.WEEKLY, cast.kestrel, cast.dana)
    client = client_of(cast.gus)

    client.post(f"{group_page(cast)}quiet.digest/", sent(client.get(group_page(cast)), "digest", "lock"))

    change = PendingChange.objects.get().change
    assert (change["word"], change["value"], change["is_locked"]) == ("choose", "weekly", True)
    assert (change["level"], change["place"]) == ("group", cast.sales.pk)


def test_unlocking_keeps_the_value(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.digest", Digest.NEVER, cast.kestrel, cast.dana, lock=True)
    client = client_of(cast.dana)

    client.post(f"{ACCOUNT}quiet.digest/", sent(client.get(ACCOUNT), "digest", "unlock"))

    change = PendingChange.objects.get().change
    assert (change["value"], change["is_locked"]) == ("never", False)


def test_another_value_keeps_the_lock(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.digest", Digest.NEVER, cast.kestrel, cast.dana, lock=True)

    client_of(cast.dana).post(f"{ACCOUNT}quiet.digest/", {"value": "weekly"})

    made = decision("quiet.digest")
    assert (made.value, made.is_locked) == ("weekly", True)


# ── What it does not accept ─────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("key", "data", "says"),
    [
        ("quiet.reminders", {}, "Say on or off."),
        ("quiet.reminders", {"value": ""}, "Say on or off."),
        ("quiet.reminders", {"value": "perhaps"}, "Say on or off."),
        ("quiet.digest", {"value": "hourly"}, "Choose one of the ways under “Send a summary of the day”."),
        ("quiet.digest", {"value": "fortnightly"}, "Choose one of the ways under"),
        ("quiet.snooze", {"value": "61"}, "Say a whole number from 1 to 60."),
        ("quiet.snooze", {"value": "a while"}, "Say a whole number from 1 to 60."),
        ("quiet.signature", {"words": ""}, "Without the logo there must be words."),
        ("quiet.signature", {"words": "a b c d"}, "At most 3 can be listed here; these are 4."),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    key: str, data: dict[str, str], says: str, cast: Cast, client_of: ClientOf
) -> None:
    answer = client_of(cast.dana).post(f"{ACCOUNT}{key}/", data)

    assert answer.status_code == 422
    assert says in said(row(answer, key.partition(".")[2]))
    assert not SettingDecision.objects.exists()
    assert not AuditEntry.objects.exists()


def test_what_was_typed_is_kept_beside_its_error(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.gus).post(f"{group_page(cast)}quiet.signature/", {"words": "one two three four"})

    assert ">\none two three four</textarea>" in row(answer, "signature")
    assert ' aria-invalid="true"' in row(answer, "signature")
    assert "checked" not in row(answer, "signature")  # the box that was cleared


# ── Somebody was quicker ────────────────────────────────────────────────────
def test_a_switch_that_was_changed_meanwhile_is_told_by_whom_and_to_what(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.gus)
    stale = sent(client.get(group_page(cast)), "reminders", "choose")
    decide("quiet.reminders", False, cast.sales, cast.dana)

    answer = client.post(f"{group_page(cast)}quiet.reminders/", {**stale, "value": "on"})

    words = said(row(answer, "reminders"))
    assert answer.status_code == 409
    assert "This was changed meanwhile. Dana made it Off, today" in words
    assert "You had chosen: On." in words
    assert decision("quiet.reminders").decided_by == cast.dana

    again = client.post(f"{group_page(cast)}quiet.reminders/", {**sent(answer, "reminders", "choose"), "value": "on"})

    assert again.status_code == 302
    assert decision("quiet.reminders").value is True


def test_who_wanted_the_same_is_told_so_and_has_nothing_to_do(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.gus)
    stale = sent(client.get(group_page(cast)), "reminders", "choose")
    decide("quiet.reminders", False, cast.sales, cast.dana)

    answer = client.post(f"{group_page(cast)}quiet.reminders/", {**stale, "value": "off"})

    assert answer.status_code == 409
    assert "Dana made it Off" in said(row(answer, "reminders"))
    assert "all the same" not in said(row(answer, "reminders"))


def test_nothing_typed_is_lost_when_somebody_was_quicker(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.gus)
    stale = sent(client.get(f"{group_page(cast)}?change=quiet.signature"), "signature", "choose")
    decide("quiet.signature", Signature(words=("Hers",)), cast.sales, cast.dana)

    answer = client.post(f"{group_page(cast)}quiet.signature/", {**stale, "has_logo": "on", "words": "Mine"})

    assert answer.status_code == 409
    assert ">\nMine</textarea>" in row(answer, "signature")
    assert "Dana made it With the logo" in said(row(answer, "signature"))
    assert "Closing words: Hers now, Mine in what you sent" in said(row(answer, "signature"))
    assert decision("quiet.signature").value["words"] == ["Hers"]

    data = {**sent(answer, "signature", "choose"), "has_logo": "on", "words": "Mine"}
    again = client.post(f"{group_page(cast)}quiet.signature/", data)

    assert again.status_code == 302
    assert decision("quiet.signature").value["words"] == ["Mine"]


@pytest.mark.parametrize("act", ["inherit", "lock"])
def test_a_stale_button_does_nothing_but_tell(act: str, cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.sales, cast.gus)
    client = client_of(cast.gus)
    stale = sent(client.get(group_page(cast)), "reminders", act)
    decide("quiet.reminders", True, cast.sales, cast.dana)

    answer = client.post(f"{group_page(cast)}quiet.reminders/", stale)

    assert answer.status_code == 409
    assert "Dana made it On" in said(row(answer, "reminders"))
    assert decision("quiet.reminders").value is True
    assert not PendingChange.objects.exists()


def test_it_is_told_that_somebody_took_the_choice_back(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", False, cast.sales, cast.gus)
    client = client_of(cast.gus)
    stale = sent(client.get(group_page(cast)), "reminders", "choose")
    reminders = by_key("quiet.reminders")
    assert reminders
    write.inherit(reminders, at=cast.sales, actor=cast.dana, now=decision("quiet.reminders").decided_at)

    answer = client.post(f"{group_page(cast)}quiet.reminders/", {**stale, "value": "on"})

    assert answer.status_code == 409
    assert "Dana took the choice back" in said(row(answer, "reminders"))


@pytest.mark.parametrize("act", ["override", "lock"])
def test_another_value_than_the_one_that_was_seen_is_not_pinned(act: str, cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.gus)
    stale = sent(client.get(group_page(cast)), "reminders", act)
    decide("quiet.reminders", False, cast.kestrel, cast.dana)

    answer = client.post(f"{group_page(cast)}quiet.reminders/", stale)

    assert answer.status_code == 409
    assert "Dana made it Off" in said(row(answer, "reminders"))
    assert not SettingDecision.objects.filter(group=cast.sales).exists()
    assert not PendingChange.objects.exists()


def test_what_is_unlocked_already_is_not_unlocked_again(cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).post(f"{ACCOUNT}quiet.reminders/", {"act": "unlock"})

    assert answer.status_code == 409
    assert not SettingDecision.objects.exists()


# ── Locked above ────────────────────────────────────────────────────────────
@pytest.mark.parametrize("data", [{"value": "off"}, {"act": "inherit"}, {"act": "lock"}, {"act": "override"}])
def test_under_a_lock_nothing_is_changed_and_it_is_said_who_locked(
    data: dict[str, str], cast: Cast, client_of: ClientOf
) -> None:
    decide("quiet.reminders", True, cast.kestrel, cast.dana, lock=True)

    answer = client_of(cast.gus).post(f"{group_page(cast)}quiet.reminders/", data)

    words = said(row(answer, "reminders"))
    assert answer.status_code == 409
    assert "“Remind people of what they forgot” is locked at Account by Dana" in words
    assert ("You had chosen: Off." in words) == ("value" in data)
    assert not SettingDecision.objects.filter(group=cast.sales).exists()


def test_what_was_typed_under_a_lock_is_shown_though_it_cannot_be_saved(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.signature", Signature(words=("Theirs",)), cast.kestrel, cast.dana, lock=True)

    answer = client_of(cast.gus).post(f"{group_page(cast)}quiet.signature/", {"words": "Mine\nToo"})

    words = said(row(answer, "signature"))
    assert answer.status_code == 409
    assert "You had chosen: Without the logo. With the logo No Closing words Mine Too" in words
    assert "<textarea" not in row(answer, "signature")


def test_a_person_is_told_which_group_locked_it(cast: Cast, client_of: ClientOf) -> None:
    decide("quiet.reminders", True, cast.sales, cast.gus, lock=True)

    answer = client_of(cast.alice).post(f"{OWN}quiet.reminders/", {"value": "off"})

    assert "is locked at Sales by Gus" in said(row(answer, "reminders"))
    assert "Ask Gus to lift the lock if it should be otherwise." in said(row(answer, "reminders"))
