"""Bodies: Exchange keeps HTML whatever was sent, and shows it as text to who prefers that.

Nothing here takes longer than in proportion to the text, whatever it is.
"""

from __future__ import annotations

import re
from html import escape, unescape

_SPACE = re.compile(r"[ \t\r\n]+")
_HIDDEN = re.compile(r"<!--|<(head|style|script)(?=[ >/])", re.IGNORECASE)
_ENDS = {
    name: re.compile(rf"</{name} ?>" if name else "-->", re.IGNORECASE) for name in ("", "head", "style", "script")
}
_BREAK = re.compile(r" ?<(?:br|/p|/div|/li|/tr|/h[1-6]) ?/?> ?", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]+>")
_HEAD = '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n<body>\r\n'
_FOOT = "\r\n</body>\r\n</html>\r\n"


def as_text(html: str) -> str:
    if not html:
        return ""
    flat = _without_hidden(_SPACE.sub(" ", html))
    return unescape(_TAG.sub("", _BREAK.sub("\r\n", flat))).replace("\xa0", " ").strip()


def kept(content: str, content_type: str) -> str:
    """As a whole HTML page, which is what comes back."""
    if not content:
        return ""
    if content_type == "text":
        lines = "<br>\r\n".join(escape(content, quote=False).splitlines())
        return f'{_HEAD}<div class="PlainText">{lines}</div>{_FOOT}'
    begin = content[:1000].lstrip().lower()
    if begin.startswith(("<html", "<!doctype")):
        return content
    return f"{_HEAD}{content}{_FOOT}"


def _without_hidden(html: str) -> str:
    """What nobody sees: heads, styles, scripts, comments. One that never ends hides nothing."""
    parts, at, endless = [], 0, set[str]()
    for begin in _HIDDEN.finditer(html):
        name = (begin[1] or "").lower()
        if begin.start() < at or name in endless:
            continue
        end = _ENDS[name].search(html, begin.end())
        if end is None:
            endless.add(name)
            continue
        parts.append(html[at : begin.start()])
        at = end.end()
    return "".join([*parts, html[at:]])
