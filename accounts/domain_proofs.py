"""What proves that somebody speaks for a domain, and how it is recognised. Pure.

One line, `meridian-domain-verification=…`, stands in a TXT record of the domain itself, as the whole of a file on its
web site, or in a meta tag in the head of its home page. It is asked for at fixed addresses that do not name it, so that
a site which repeats what it is asked proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from html import escape
from html.parser import HTMLParser

NAME = "meridian-domain-verification"
FILE_NAME = f"{NAME}.html"

# What may stand in the head of a page. The first thing that may not begins the body, as in a browser.
_OF_THE_HEAD = frozenset(
    {"html", "head", "base", "basefont", "bgsound", "link", "meta", "title", "script", "style", "noscript"}
    | {"noframes", "template"}
)
# Inside these no tag counts.
_OPAQUE = frozenset({"title", "noscript", "noframes", "template", "script", "style"})


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
    reader = _Text(convert_charrefs=True)
    _read(reader, page.lstrip("\ufeff"))
    return " ".join("".join(reader.words).split())


def tags_in(page: str) -> list[str]:
    """What the meta tags of ours say that stand in the head of a page: its body may hold the words of strangers."""
    reader = _Head(convert_charrefs=True)
    _read(reader, page)
    return reader.found


def _read(reader: HTMLParser, page: str) -> None:
    """As far as it makes sense: the parser gives up on some declarations by way of an assertion."""
    with suppress(AssertionError):
        reader.feed(page)
        reader.close()


class _Text(HTMLParser):
    def __init__(self, **options: bool) -> None:
        super().__init__(**options)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class _Head(HTMLParser):
    def __init__(self, **options: bool) -> None:
        super().__init__(**options)
        self.found: list[str] = []
        self._inside = ""
        self._is_over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._inside or self._is_over:
            return
        self._is_over = tag not in _OF_THE_HEAD
        self._inside = tag if tag in _OPAQUE else ""
        said = {name: (value or "").strip() for name, value in attrs}
        if tag == "meta" and said.get("name", "").lower() == NAME:
            self.found.append(said.get("content", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""
        elif not self._inside and tag in {"head", "html"}:
            self._is_over = True

    def handle_data(self, data: str) -> None:
        if not self._inside and data.strip():
            self._is_over = True
