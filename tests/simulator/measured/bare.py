"""The baseline of the simulator: the same server, TLS, keys and database, and views that do the bare minimum.

`python -m tests.simulator.measured.bare DATA HTTPS_PORT HTTP_PORT SAMPLE`, where SAMPLE is a token answer of the
simulator: `/token` makes the same signatures, writes one row, and returns the same bytes.
"""

from __future__ import annotations

import json
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone


@lru_cache(maxsize=1)
def sample() -> dict[str, Any]:
    return dict(json.loads(Path(sys.argv[4]).read_text()))


@lru_cache(maxsize=2)
def signed(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of one of the sample's tokens."""
    token = sample()[name]
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def token(request: HttpRequest) -> HttpResponse:
    from integrations.simulator.entra import hashes, keys
    from integrations.simulator.models import RefreshToken

    assert request.POST["refresh_token"]
    answer = {**sample(), "refresh_token": hashes.new_refresh_token()}
    for name in ("access_token", "id_token"):
        header, claims = signed(name)
        answer[name] = jwt.encode(claims, keys.current().private, algorithm="RS256", headers=header)
    now = timezone.now()
    RefreshToken.objects.create(digest=hashes.digest(answer["refresh_token"]), **_like_the_others(), issued_at=now)
    return HttpResponse(json.dumps(answer), content_type="application/json")


@lru_cache(maxsize=1)
def _like_the_others() -> dict[str, Any]:
    from integrations.simulator.models import RefreshToken

    one = RefreshToken.objects.order_by("pk").first()
    assert one is not None
    names = ("application_id", "person_id", "sid", "scopes", "expires_at")
    return {name: getattr(one, name) for name in names}


def delta(request: HttpRequest, calendar: int, behind: int) -> HttpResponse:
    """Fifty rows of a calendar inside a window, in the order of delta, and the JSON that is kept of them."""
    from integrations.simulator.models import Event

    first, last = request.GET["first"], request.GET["last"]
    rows = (
        Event.objects.filter(calendar=calendar, starts_at__lt=last, ends_at__gt=first, pk__gt=behind)
        .order_by("change_number", "pk")
        .values_list("pk", "change_number", "kind", "is_removed", "graph_id", "document")[:50]
    )
    texts = [f'{{"@odata.type":"#microsoft.graph.event",{row[5][1:]}' for row in rows]
    body = f'{{"@odata.context":"x","@odata.nextLink":"{"x" * 900}","value":[{",".join(texts)}]}}'
    return HttpResponse(body, content_type="application/json")


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("token", token), path("delta/<int:calendar>/<int:behind>", delta), path("healthz", healthz)]


def serve() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.simulator.measured.bare_settings"
    import django

    django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.db import connection

    from integrations.simulator import place, server

    here = place.Place(data=Path(sys.argv[1]), https_port=int(sys.argv[2]), http_port=int(sys.argv[3]))
    place.settle(here)
    connection.settings_dict["NAME"] = str(here.data / "simulator.sqlite3")
    server.serve(here, get_wsgi_application(), ready=lambda: None)


if __name__ == "__main__":
    serve()
