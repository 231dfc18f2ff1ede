"""The baseline of the pages: the least that Django can answer somebody who is signed in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from config.urls import urlpatterns as portal


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<!doctype html><title>Bare</title><p>{request.user}</p>")


urlpatterns = [path("bare/", bare, name="bare"), path("", include(portal))]
