"""Pages of a collection: `$top`, `$skip`, `odata.maxpagesize`, and the link to the next page."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from integrations.simulator.graph import errors
from integrations.simulator.graph.asking import Asking

DEFAULT = 10
MOST = 1000


@dataclass(frozen=True)
class Page:
    skip: int
    size: int

    def next_link(self, asking: Asking) -> str:
        """Absolute, on the origin that was asked: client libraries send their token nowhere else."""
        options = {name: value for name, value in asking.options.items() if name != "$skip"}
        return f"{asking.base}/{asking.path}?{urlencode({**options, '$skip': str(self.skip + self.size)}, safe='$')}"


def read(asking: Asking) -> Page:
    """`$top` wins over the preference; both are page sizes here, as they are on calendarView."""
    top = _whole(asking, "$top", least=1)
    size = top if top is not None else asking.prefer.page_size or DEFAULT
    if size > MOST:
        raise errors.bad_option("$top", str(size))
    return Page(_whole(asking, "$skip", least=0) or 0, size)


def _whole(asking: Asking, option: str, *, least: int) -> int | None:
    text = asking.options.get(option)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise errors.bad_option(option, text)
    return int(text)
