"""What every request passes: one log line, the right set of routes for its origin, safe headers."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from integrations.simulator import place
from integrations.simulator.control import paths, resetting, watching

GetResponse = Callable[[HttpRequest], HttpResponseBase]
log = logging.getLogger("simulator")


class RequestLine:
    """One line per request; never its query, headers or body: they carry codes and tokens. And the request log."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        took = (time.perf_counter() - began) * 1000
        path = paths.without_query(request)
        answer = "reset" if resetting.is_reset(response) else response.status_code
        log.info("%s %s %s %s %.0f ms", request.scheme, request.method, path, answer, took)
        watching.close(request, response, took_ms=int(took), now=timezone.now())
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """A fault that breaks the connection ends here, wherever it was met."""
        if isinstance(exception, resetting.ConnectionBroken):
            return resetting.break_off(request)
        return None


class Origins:
    """HTTPS is for machines, plain HTTP for people, and a second HTTPS is another server: each has its own routes."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Django checks the Host header only where it is used. Here it always is: a page elsewhere may point its own
        # name at this machine, and would be let into the console.
        request.get_host()
        if request.scheme == "https":
            # Official SDKs ask for `/v1.0//me`.
            request.path_info = re.sub("/{2,}", "/", request.path_info)
            on_premises = request.META["SERVER_PORT"] == str(place.here().exchange_port)
            request.urlconf = f"integrations.simulator.{'exchange' if on_premises else 'machine'}_urls"
        return self.get_response(request)


class SafeHeaders:
    """A strict policy for the pages; only the application that is waiting for an answer may be posted to."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))
        if request.scheme == "https":
            return response
        origin = getattr(response, _FORM_TO, "")
        response["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            f"base-uri 'none'; frame-ancestors 'none'; form-action 'self'{origin and ' ' + origin}"
        )
        # The address of these pages carries the request's state: no other site is told it.
        response["Referrer-Policy"] = "same-origin"
        response["X-Frame-Options"] = "DENY"
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def allow_form_to(response: HttpResponse, origin: str) -> None:
    """Browsers check `form-action` against the redirect that follows a form, too."""
    setattr(response, _FORM_TO, origin)


_FORM_TO = "form_to_origin"
