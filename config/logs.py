"""Structured log lines: events, not prose; a request id in each; no secret in any.

What is redacted: values under telling names wherever they stand, and anything that looks like a token or an
authorization code inside a text. Paths are logged without their query: callbacks carry codes there.
"""

from __future__ import annotations

import logging
import logging.config
import re
import time
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

log = structlog.get_logger("portal.request")

REDACTED = "[redacted]"
_TELLING_NAME = re.compile(
    r"token|secret|password|authorization|cookie|assertion|verifier|nonce|^code$|^state$|^answer$|^flow$", re.IGNORECASE
)
# JWTs; Entra's opaque tokens and codes ("0.AX…", "1.AX…", "M.C5…"); bearer tokens of any form; query or form pairs
# with telling names.
_TELLING_TEXT = re.compile(
    r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"
    r"|\b(?:[01]\.A|M\.C)[\w.!*$-]{40,}"
    r"|\bbearer\s+[^\s\"',]+"
    r"|(?P<name>\b(?:code|state|access_token|refresh_token|id_token|client_secret|client_assertion|code_verifier|password)"
    r"\b[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+"
    # Addresses that carry a key: invitations, confirmed addresses, new passwords, authorizations handed on.
    r"|(?P<path>/(?:invitation|confirm-email|password/reset/key|authorize/link)/)[^/\s\"']+",
    re.IGNORECASE,
)
_QUIET_PATHS = ("/healthz", "/readyz", "/static/")


def redact_text(text: str) -> str:
    return _TELLING_TEXT.sub(lambda found: (found.group("name") or found.group("path") or "") + REDACTED, text)


def redact(value: Any, name: str = "") -> Any:
    """A copy of `value` without secrets, through dicts and lists."""
    if name and _TELLING_NAME.search(name) and value not in (None, "", True, False):
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {redact_text(str(key)): redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    # Bytes, exceptions, whatever else would be written as its text.
    return redact_text(str(value))


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        # The event's own name may speak of tokens: "token.refresh.lost".
        event[key] = redact(value, "" if key in ("event", "logger", "level", "timestamp") else key)
    return event


def configure(*, level: str, as_json: bool) -> None:
    """Send the standard library's and structlog's lines through the same processors to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    # The traceback becomes text before redaction, so that it is redacted too.
    last = [structlog.processors.format_exc_info, _redact_event]
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "lines": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, renderer],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # These print whole requests at lower levels.
                "urllib3": {"level": "WARNING"},
                "msal": {"level": "WARNING"},
                "exchangelib": {"level": "CRITICAL"},
                "requests_ntlm": {"level": "WARNING"},
                "spnego": {"level": "WARNING"},
                # Our own line per request says it once.
                "django.server": {"level": "ERROR"},
                "django.request": {"level": "ERROR"},
            },
        }
    )


class RequestLog:
    """Gives each request an id, on its log lines, in the answer and on error pages; logs one line a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex[:16]
        request.request_id = request_id  # type: ignore[attr-defined]  # read by the error pages
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            if not request.path.startswith(_QUIET_PATHS):
                log.info(
                    "request.answered",
                    method=request.method,
                    path=_known_path(request),
                    status=response.status_code,
                    milliseconds=round(1000 * (time.perf_counter() - started)),
                )
        return response


def _known_path(request: HttpRequest) -> str:
    """The route rather than the path: a path may hold the key of an invitation or of a password reset."""
    match = request.resolver_match
    return f"/{match.route}" if match else "/unknown"
