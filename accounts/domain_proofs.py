"""What proves that somebody speaks for a domain, and how it is recognised. Pure.

One line, `meridian-domain-verification=…`, stands in a TXT record of the domain itself, as the whole of a file on its
web site, or in a meta tag in the head of its home page. It is asked for at fixed addresses that do not name it, so that
a site which repeats what it is asked proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape, unescape

NAME = "meridian-domain-verification"
FILE_NAME = f"{NAME}.html"

# What may stand in the head of a page. The first thing that may not begins the body, as in a browser.
_OF_THE_HEAD = frozenset(
    {"html", "head", "base", "basefont", "bgsound", "link", "meta", "title", "script", "style", "noscript"}
    | {"noframes", "template"}
)
# Inside these no tag counts.
_OPAQUE = frozenset({"title", "noscript", "noframes", "template", "script", "style"})
# Neither belongs to the head any more.
_ENDS_THE_HEAD = frozenset({"html", "head"})

_ANY_TAG = re.compile(r"<[^<>]*+>")
_NOTHING = re.compile(r"[\s\ufeff]*+")
_OPENED = re.compile(r"<(/?)([A-Za-z][^\s/>]*+)")
_ATTRIBUTE = re.compile(r"""[\s/]*+([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+)))?+""")
_END = re.compile(r"[\s/]*+>")


def record(token: str) -> str:
    """The line, as it stands in a TXT record and in the file."""
    return f"{NAME}={token}"


def tag(token: str) -> str:
    return f'<meta name="{NAME}" content="{escape(token)}">'


def ours_in(texts: Iterable[str]) -> list[str]:
    """Of a domain's TXT records those that are, or were meant to be, a proof for this portal."""
    cleaned = (text.strip().strip("“”\"'").strip() for text in texts)
    return [text for text in cleaned if text.lower().startswith(NAME)]


def text_of(page: str) -> str:
    """What a file says, whether plain or wrapped in a page's tags by an editor."""
    return " ".join(_ANY_TAG.sub(" ", page.lstrip("\ufeff")).split())


def tags_in(page: str) -> list[str]:
    """What the meta tags of ours say that stand in the head of a page: its body may hold the words of strangers.

    Read once from left to right: no page, however it is made, takes longer than its length.
    """
    found, at = list[str](), 0
    while (tag := _tag_at(page, at)) is not None:
        at = tag.end
        if tag.name == "meta" and tag.attributes.get("name", "").lower() == NAME:
            found.append(tag.attributes.get("content", ""))
    return found


@dataclass(frozen=True)
class _Tag:
    name: str
    attributes: dict[str, str]
    end: int


def _tag_at(page: str, at: int) -> _Tag | None:
    """The next tag of the head; None where the head is over, or makes no sense any more."""
    while start := _NOTHING.match(page, at):
        at = start.end()
        if page.startswith("<!--", at):
            end, past = page.find("-->", at + 4), 3
        elif page.startswith(("<!", "<?"), at):
            end, past = page.find(">", at), 1
        else:
            break
        if end < 0:
            return None
        at = end + past
    opened = _OPENED.match(page, at)
    if opened is None:
        return None
    name = opened[2].lower()
    if name not in _OF_THE_HEAD or (opened[1] and name in _ENDS_THE_HEAD):
        return None
    return _whole(page, name, opened.end(), is_opaque=not opened[1] and name in _OPAQUE)


def _whole(page: str, name: str, at: int, *, is_opaque: bool) -> _Tag | None:
    attributes = dict[str, str]()
    while attribute := _ATTRIBUTE.match(page, at):
        said = attribute[2] or attribute[3] or attribute[4] or ""
        attributes.setdefault(attribute[1].lower(), unescape(said).strip())
        at = attribute.end()
    end = _END.match(page, at)
    if end is None:
        return None
    at = end.end()
    if is_opaque:
        closed = re.compile(f"</{name}[\\s>]", re.IGNORECASE).search(page, at)
        if closed is None:
            return None
        at = closed.start()
    return _Tag(name, attributes, at)
