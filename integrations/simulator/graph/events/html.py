"""Bodies: Exchange keeps HTML whatever was sent, and shows it as text to who prefers that."""

from __future__ import annotations

import re
from html import escape, unescape

_HIDDEN = re.compile(r"<!--.*?-->|<(head|style|script)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]+")
_BREAK = re.compile(r" ?<(?:br|/p|/div|/li|/tr|/h[1-6])\s*/?> ?", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")
_HEAD = '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n<body>\r\n'
_FOOT = "\r\n</body>\r\n</html>\r\n"


def as_text(html: str) -> str:
    if not html:
        return ""
    flat = _SPACE.sub(" ", _HIDDEN.sub("", html))
    lines = unescape(_TAG.sub("", _BREAK.sub("\r\n", flat))).replace("\xa0", " ")
    return lines.strip()


def kept(content: str, content_type: str) -> str:
    """As a whole HTML page, which is what comes back."""
    if not content:
        return ""
    if content_type == "text":
        lines = "<br>\r\n".join(escape(content, quote=False).splitlines())
        return f'{_HEAD}<div class="PlainText">{lines}</div>{_FOOT}'
    if re.match(r"\s*(<!doctype[^>]*>\s*)?<html\b", content, re.IGNORECASE):
        return content
    return f"{_HEAD}{content}{_FOOT}"
