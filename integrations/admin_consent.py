"""The consent of an administrator for everybody in a Microsoft 365 tenant: the link, Microsoft's answer, its proof."""

from __future__ import annotations

from collections.abc import Mapping

# Tells an answer of this kind from a person's own, whose `state` MSAL makes of letters alone.
PREFIX = "tenant."


def belongs(answer: Mapping[str, str]) -> bool:
    """Is this answer of Microsoft's one to a link for administrators? Says nothing of whether it is genuine."""
    return answer.get("state", "").startswith(PREFIX) or "admin_consent" in answer
