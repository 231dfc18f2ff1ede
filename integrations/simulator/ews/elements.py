"""XML as it goes out. Names carry the prefixes that the envelope declares. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
# What XML 1.0 cannot say, and JSON can.
_UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def el(tag: str, content: object = None, *children: Element | None, **attributes: object) -> Element:
    """`content` is text, a number, a flag, or the first child; children that are None are left out."""
    made = Element(tag, {name: text_of(value) for name, value in attributes.items() if value is not None})
    if isinstance(content, Element):
        made.append(content)
    elif content is not None:
        made.text = text_of(content)
    made.extend(one for one in children if one is not None)
    return made


def group(tag: str, children: Iterable[Element], **attributes: object) -> Element:
    return el(tag, None, *children, **attributes)


def text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _UNSPEAKABLE.sub("", str(value))


def written(root: Element) -> bytes:
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content
