"""Why a server gave no answer, by the types of what the libraries raise; never by their texts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from integrations.ews_failures import Silence

_DEEPEST = 12


def of(problem: BaseException) -> Silence:
    is_certificate = any(isinstance(one, ssl.SSLCertVerificationError) for one in _within(problem))
    return Silence.CERTIFICATE if is_certificate else Silence.NO_ANSWER


def _within(problem: BaseException) -> Iterator[BaseException]:
    """`requests` and `urllib3` wrap each other: as causes, as arguments, as a reason."""
    seen: list[BaseException] = []
    waiting: list[object] = [problem]
    while waiting and len(seen) < _DEEPEST:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        yield one
        waiting += [*one.args, one.__cause__, one.__context__, getattr(one, "reason", None)]
