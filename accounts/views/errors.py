"""Pages for when something went wrong. They never show details, only a number to quote."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseServerError
from django.shortcuts import render
from django.template.loader import render_to_string


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid token: too old a page, cookies off, or another site."""
    return render(request, "403_csrf.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponseBadRequest(_without_context("400.html", request))


def server_error(request: HttpRequest) -> HttpResponse:
    return HttpResponseServerError(_without_context("500.html", request))


def _without_context(template: str, request: HttpRequest) -> str:
    """Rendered without the request: session, person or database may be what failed."""
    return render_to_string(template, {"request_id": getattr(request, "request_id", "")})
