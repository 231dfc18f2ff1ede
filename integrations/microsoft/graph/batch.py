"""POST /$batch: up to twenty questions in one request, each with an answer of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import requests
from django.conf import settings
from django.utils import timezone

from integrations import failures
from integrations.contracts import Passing, Unreachable
from integrations.failures import NO_ANSWER, Failure, Outcome, Reason
from integrations.microsoft import http
from integrations.microsoft.graph.asking_again import Patience

MOST = 20
PATIENCE = timedelta(seconds=20)

Answer = dict[str, Any] | Failure
_NOTHING = Failure(Outcome.UNREACHABLE, Reason.SERVICE_TROUBLE, code="no answer in the batch")


def get_each(access_token: str, paths: Iterable[str], *, patience: Patience | None = None) -> list[Answer]:
    """The answers to at most MOST paths (`users/…?$select=id`), in their order: a body, or what went wrong.

    What was throttled or did not answer is asked again, alone and not before Microsoft says, as long as patience
    lasts. Raises `CalendarError` for the batch as a whole.
    """
    wanted = list(paths)
    patience = patience or Patience(PATIENCE)
    said: dict[int, _Said] = {}
    waiting = list(range(len(wanted)))
    while waiting:
        try:
            said |= _asked(access_token, {at: wanted[at] for at in waiting})
        except Passing as problem:
            if problem.failure.reason is Reason.TOKEN_REFUSED or not patience.wait(problem.failure):
                raise
            continue
        waiting = [at for at in waiting if said[at].is_passing]
        if waiting and not patience.wait(_longest(said[at].answer for at in waiting)):
            break
    return [said[at].answer for at in range(len(wanted))]


class _Said(NamedTuple):
    answer: Answer
    # Another answer may come, asked a little later.
    is_passing: bool = False


def _asked(access_token: str, paths: Mapping[int, str]) -> dict[int, _Said]:
    items = [{"id": str(at), "method": "GET", "url": f"/{path}"} for at, path in paths.items()]
    body = _post(access_token, {"requests": items})
    found = body.get("responses")
    if not isinstance(found, list):
        raise Unreachable(_NOTHING)
    said = {str(one.get("id")): _read(one) for one in found if isinstance(one, dict)}
    return {at: said.get(str(at), _Said(_NOTHING, is_passing=True)) for at in paths}


def _read(one: Mapping[str, Any]) -> _Said:
    status, body = one.get("status"), one.get("body")
    if not isinstance(status, int):
        return _Said(_NOTHING, is_passing=True)
    body = body if isinstance(body, dict) else None
    if status == requests.codes.ok and body is not None:
        return _Said(body)
    failure = failures.of_graph_answer(status, body or {}, _headers(one.get("headers")), now=timezone.now())
    return _Said(failure, is_passing=status == failures.TOO_MANY or status >= failures.SERVER_TROUBLE)


def _headers(raw: Any) -> requests.structures.CaseInsensitiveDict[str]:
    """In a batch their names come in any case."""
    pairs = raw.items() if isinstance(raw, dict) else ()
    return requests.structures.CaseInsensitiveDict({str(name): str(value) for name, value in pairs})


def _longest(answers: Iterable[Answer]) -> Failure:
    found = [one for one in answers if isinstance(one, Failure)]
    return max(found, key=lambda one: one.retry_after or timedelta(), default=NO_ANSWER)


def _post(access_token: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request_id = str(uuid.uuid4())
    try:
        response = http.session().post(
            f"{settings.MICROSOFT_GRAPH_URL}/$batch",
            json=body,
            headers={
                "Authorization": f"Bearer {access_token}",
                "Accept": "application/json",
                "client-request-id": request_id,
            },
        )
    except requests.RequestException as problem:
        raise Unreachable(Failure(Outcome.UNREACHABLE, Reason.NO_ANSWER, trace_id=request_id)) from problem
    found = http.json_of(response)
    if response.status_code != requests.codes.ok or found is None:
        http.fail(failures.of_graph_answer(response.status_code, found or {}, response.headers, now=timezone.now()))
    return found
