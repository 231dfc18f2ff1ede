"""Whatever stands in an address or a form, however broken: an answer, never an error of ours."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.cast import Cast, ClientOf

pytestmark = pytest.mark.django_db

ENDLESS = "9" * 5000  # int() refuses it
HUGE = "9" * 30  # no database takes it
NUL = "\0"  # PostgreSQL takes it nowhere
ASKED = [
    ("/people/", {"q": NUL, "role": NUL, "state": NUL, "page": NUL}),
    ("/people/", {"q": "a " * 3000, "page": ENDLESS}),
    ("/account/audit/", {"q": NUL, "action": NUL, "page": HUGE}),
    ("/account/sign-ins/", {"q": NUL, "outcome": NUL, "cause": NUL, "since": NUL, "person": HUGE, "older": ENDLESS}),
    ("/groups/", {"q": NUL, "page": "²"}),
    ("/groups/{group}/", {"q": NUL, "add": NUL}),
    ("/meetings/agenda/", {"polls": "²"}),
    ("/meetings/agenda/", {"polls": ENDLESS}),
    ("/integrations/microsoft/callback/", {"state": NUL, "code": NUL}),
    ("/integrations/microsoft/callback/", {"state": "forged", "error": NUL}),
    ("/auth/login/", {"next": NUL}),
    ("/auth/confirm-email/a:b/", {}),
    ("/auth/password/reset/key/1-%00/", {}),
    ("/auth/password/reset/key/zzzzzzzzzzzzzzzzz-forged/", {}),
    ("/invitation/%00/", {}),
    ("/account/settings/%00/", {}),
    ("/account/connections/", {"q": NUL, "state": NUL, "group": HUGE, "page": "²", "sort": NUL}),
    ("/account/connections/approvals/", {"q": NUL, "organization": NUL, "page": ENDLESS}),
    ("/account/connections/test/", {"q": NUL}),
    ("/account/calendar-prompts/", {"q": NUL, "answer": NUL, "group": HUGE, "page": "²"}),
    ("/account/calendar-prompts.csv", {"q": NUL, "group": ENDLESS}),
    ("/account/calendar-prompts/reset/", {"group": NUL}),
    ("/account/calendar-prompts/reset/", {"person": ENDLESS}),
    (f"/people/{HUGE}/", {}),
    (f"/groups/{HUGE}/", {}),
]
SENT = [
    ("/groups/{group}/members/add/", {"person": ENDLESS}),
    ("/groups/{group}/members/add/", {"person": HUGE}),
    ("/groups/{group}/members/add/", {"person": "²"}),
    ("/groups/{group}/members/add/", {"person": NUL}),
    ("/groups/create/", {"name": f"Sales{NUL}"}),
    ("/people/invite/", {"email": f"zoe{NUL}@kestrel.example"}),
    ("/people/{person}/role/", {"role": NUL}),
    ("/auth/2fa/totp/activate/", {"code": NUL}),
    ("/auth/2fa/reauthenticate/", {"code": NUL}),
    ("/people/{person}/release/", {"identity": ENDLESS}),
    ("/profile/edit/", {"name": NUL, "time_zone": NUL}),
    ("/profile/calendar/", {"service": NUL}),
    ("/profile/calendar/prompt/", {"do": NUL}),
    ("/account/calendar-prompts/reset/", {"group": HUGE}),
    ("/account/calendar-prompts/undo/", {"at": NUL}),
    ("/account/settings/mail-calendar/integrations.sso_prompt/", {"value": NUL}),
    ("/account/settings/mail-calendar/integrations.enabled/", {"value": NUL}),
    ("/account/settings/mail-calendar/integrations.services/", {"default_service": NUL}),
    ("/account/settings/mail-calendar/%00/", {}),
    ("/auth/login/", {"login": f"dana{NUL}@kestrel.example", "password": NUL}),
    ("/auth/password/reset/", {"email": f"dana{NUL}@kestrel.example"}),
]


@pytest.mark.parametrize(("address", "sent"), ASKED)
def test_asking_for_nonsense(address: str, sent: dict[str, str], cast: Cast, client_of: ClientOf) -> None:
    for browser in (client_of(cast.dana), Client()):
        answer = browser.get(_address(address, cast), sent)

        assert answer.status_code < 500


@pytest.mark.parametrize(("address", "sent"), SENT)
def test_sending_nonsense(address: str, sent: dict[str, str], cast: Cast, client_of: ClientOf) -> None:
    for browser in (client_of(cast.dana), Client()):
        answer = browser.post(_address(address, cast), sent)

        assert answer.status_code < 500


def _address(address: str, cast: Cast) -> str:
    return address.format(group=cast.sales.pk, person=cast.alice.pk)
