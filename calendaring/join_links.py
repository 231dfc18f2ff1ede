"""What makes a remote event a meeting: it carries this portal's join link, in its location or its body."""

from __future__ import annotations

import re

from integrations.contracts import RemoteEvent


def is_meeting(event: RemoteEvent, *, public_url: str) -> bool:
    """`public_url`: the portal's own address, without a trailing slash."""
    link = re.compile(re.escape(public_url) + r"/j/\d{9,12}(?!\d)")
    return bool(link.search(event.location) or link.search(event.body))
