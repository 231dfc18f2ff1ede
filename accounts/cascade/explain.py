"""Why a value is what it is, in one sentence. *Locked by admin* alone is the failure we are here to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.cascade.declare import Setting
from accounts.cascade.read import Made
from accounts.templatetags.ui import local_moment


@dataclass(frozen=True)
class Explanation:
    """What holds for the account, and the decision it comes from; none where it is the default."""

    setting: Setting
    value: Any
    source: Made | None


def explain(setting: Setting, decision: Made | None) -> Explanation:
    return Explanation(setting, decision.value if decision else setting.default, decision)


def sentence(explanation: Explanation) -> SafeString:
    """For the page of the level that decided: “On, chosen here by Dana, 19 November, 14:33.”"""
    words = explanation.setting.say(explanation.value)
    source = explanation.source
    if source is None:
        return format_html("<strong>{}</strong>, Meridian’s default.", words)
    who = str(source.by) if source.by else "Meridian"
    return format_html("<strong>{}</strong>, chosen here by {}, {}.", words, who, local_moment(source.at))
