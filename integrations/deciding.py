"""Who decided what stands in somebody's way, or lets it be so, said to whoever reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.cascade import words
from accounts.cascade.decide import decide
from accounts.cascade.declare import Level, Setting, setting_of
from accounts.cascade.read import Made, chains_of
from accounts.models import User
from accounts.templatetags.ui import local_moment
from integrations.policy import Obstacle
from integrations.preferences import Integrations

# The setting that is behind an obstacle; of the others it is the services.
_DECIDING = {Obstacle.TURNED_OFF: "enabled", Obstacle.DOMAIN: "domains"}


@dataclass(frozen=True)
class Decision:
    """The one that stands in somebody's way."""

    setting: Setting
    made: Made

    @property
    def is_own(self) -> bool:
        return self.made.level == Level.USER


def decision_behind(person: User, obstacle: Obstacle | None) -> Decision | None:
    """Who decided what stands in the way. None: nothing does, or nobody decided it."""
    if obstacle is None:
        return None
    name = _DECIDING.get(obstacle, "services")
    return decisions_on(person, [name])[name]


def decisions_on(person: User, names: Collection[str]) -> dict[str, Decision | None]:
    """What holds for the person of these settings, by name; None where nobody decided. One query."""
    settings = {name: setting_of(Integrations, name) for name in names}
    chains = chains_of(person, list(settings.values()))
    made = {name: decide(chains[setting.key]) for name, setting in settings.items()}
    return {name: Decision(settings[name], one) if one else None for name, one in made.items()}


def said_by(person: User, obstacle: Obstacle) -> SafeString:
    """Who decided what stands in somebody's way, said to them; empty where nobody did."""
    return in_words(decision_behind(person, obstacle), person)


def in_words(behind: Decision | None, reader: User) -> SafeString:
    """With a link where the reader may open it; empty where nobody decided."""
    if behind is None:
        return SafeString("")
    made = behind.made
    if behind.is_own and made.place_id == reader.pk:
        address = words.address_of(behind.setting, made.level, made.place_id, reader)
        return format_html('You chose that in <a href="{}">your settings</a>, {}.', address, local_moment(made.at))
    where = words.place(behind.setting, made, words.Reader(reader))
    if behind.is_own:
        return format_html("Decided in the settings of {}, {}.", where, local_moment(made.at))
    return format_html("Decided for {} by {}, {}.", where, words.who(made), local_moment(made.at))
