"""The pages of settings that one level has, for the tabs of a group and of a person."""

from __future__ import annotations

from accounts.cascade import declare
from accounts.cascade.declare import Level, Page


def pages_at(level: Level) -> list[Page]:
    """Those with at least one setting that works and can be decided there."""
    sections = [
        section
        for section in declare.sections()
        if any(setting.offered and level in setting.levels for setting in declare.settings_of(section))
    ]
    return list(dict.fromkeys(section.page for section in sections))
