"""The rows, in the portal's own words, with their defaults; shown only once they do something."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.cascade import declare
from accounts.cascade.declare import ACCOUNT_AND_GROUP, ALL_LEVELS, BadValue, Level
from accounts.cascade.write import can_lock
from calendaring.preferences import DataSync
from integrations.domains import DomainRule
from integrations.preferences import MAIL_AND_CALENDAR, Integrations, ServicePolicy, SsoPrompt

ROWS = [
    ("integrations.enabled", "Integrate third-party mail and calendar services", True, ALL_LEVELS, True, True),
    ("integrations.services", "Services and permissions", ServicePolicy(), ACCOUNT_AND_GROUP, True, True),
    (
        "integrations.sso_prompt",
        "Ask users to integrate Office 365 calendar when signing in with SSO credentials",
        SsoPrompt.OFF,
        ALL_LEVELS,
        True,
        False,
    ),
    (
        "integrations.domains",
        "Restrict calendar and contacts integration by domain",
        DomainRule(),
        ACCOUNT_AND_GROUP,
        True,
        True,
    ),
    ("integrations.expiry_alerts", "Authentication expiry email alerts", True, ALL_LEVELS, True, False),
    ("integrations.grace", "Forget blocked connections after", 7, (Level.ACCOUNT,), True, False),
    (
        "data_sync.bidirectional",
        "Bidirectional sync for Zoom meeting data between Zoom web portal and calendars",
        True,
        ALL_LEVELS,
        False,
        True,
    ),
]


@pytest.mark.parametrize(("key", "label", "default", "levels", "offered", "consequential"), ROWS)
def test_each_row_is_declared_as_the_portal_knows_it(
    key: str, label: str, default: Any, levels: tuple[Level, ...], offered: bool, consequential: bool
) -> None:
    setting = declare.by_key(key)

    assert setting is not None
    assert (setting.label, setting.default, setting.levels) == (label, default, levels)
    assert (setting.offered, setting.consequential) == (offered, consequential)


def test_a_group_may_lock_the_services_because_connections_have_to_fit_then() -> None:
    assert can_lock(declare.setting_of(Integrations, "services"), Level.GROUP)
    assert not can_lock(declare.setting_of(Integrations, "domains"), Level.GROUP)
    assert not can_lock(declare.setting_of(Integrations, "grace"), Level.ACCOUNT)


def test_the_page_shows_integrations_first_and_then_data_sync() -> None:
    assert declare.sections(MAIL_AND_CALENDAR) == [Integrations, DataSync]
    assert [section.title for section in declare.sections(MAIL_AND_CALENDAR)] == ["Integrations", "Data Sync"]


def test_there_is_no_row_beside_these() -> None:
    keys = [one.key for section in declare.sections() for one in declare.settings_of(section)]

    assert keys == [row[0] for row in ROWS]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (SsoPrompt.OFF, "Off"),
        (SsoPrompt.FIRST_TIME, "Ask users the first time they sign in"),
        (SsoPrompt.EVERY_TIME, "Ask users every time they sign in until they integrate the calendars"),
    ],
)
def test_the_prompt_in_words(prompt: SsoPrompt, words: str) -> None:
    assert declare.setting_of(Integrations, "sso_prompt").say(prompt) == words


@pytest.mark.parametrize(("days", "words"), [(0, "At once"), (1, "After 1 day"), (30, "After 30 days")])
def test_the_grace_in_words(days: int, words: str) -> None:
    assert declare.setting_of(Integrations, "grace").say(days) == words


@pytest.mark.parametrize("days", [-1, 31, True, "7", 7.0, None])
def test_the_grace_is_from_none_to_thirty_days(days: Any) -> None:
    with pytest.raises(BadValue, match=r"integrations\.grace"):
        declare.setting_of(Integrations, "grace").from_json(days)
