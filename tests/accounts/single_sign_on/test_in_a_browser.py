"""The pages on which an identity provider is set up, tested and turned on: looks, whatever the window."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings as portal
from django.urls import reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from accounts.models import IdentityProvider, ProviderMapping, SignInEntry
from accounts.single_sign_on import log
from accounts.single_sign_on.causes import Cause
from tests.accounts.single_sign_on.at_openid import set_up
from tests.accounts.single_sign_on.test_saml import set_up as set_up_saml
from tests.cast import Cast, ClientOf
from tests.journeys.looks import LOOKS, faults_of
from tests.saml_provider import SamlProvider

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.django_db(transaction=True), pytest.mark.once]
CHECKS = [
    {"check": "Signature", "result": "passed", "says": "By AB:CD, good until 2027-01-01."},
    {"check": "E-mail", "result": "failed", "says": "The provider gives no e-mail address in email."},
]


@pytest.fixture(autouse=True)
def _files_by_their_own_names(settings: Any) -> None:
    """The server of the tests finds files where they are written, and knows no name with a hash in it."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def pages(provider: IdentityProvider, tests: list[SignInEntry]) -> list[str]:
    of_one = ("", "_edit", "_test", "_on", "_off", "_only", "_remove")
    return [
        reverse("single_sign_on"),
        reverse("identity_provider_add"),
        f"{reverse('identity_provider_add')}?protocol=saml",
        *(reverse(f"identity_provider{name}", args=[provider.pk]) for name in of_one),
        *(reverse("sign_in_test", args=[provider.pk, test.reference]) for test in tests),
    ]


@pytest.mark.parametrize("protocol", ["openid_connect", "saml"])
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_nothing_is_wrong_with_any_page(
    browser: Browser, live_server: LiveServer, cast: Cast, client_of: ClientOf, look: Any, protocol: str
) -> None:
    now = datetime.now(UTC)
    on = {"is_on": True, "tested_at": now, "groups_claim": "groups"}
    if protocol == "saml":
        provider = set_up_saml(cast.kestrel, SamlProvider(days=7), **on, metadata_url="https://d.example/m.xml")
    else:
        provider = set_up(cast.kestrel, "https://directory.kestrel.example/of/a/long/name", **on)
    ProviderMapping.objects.create(provider=provider, means="group", value="x" * 40, group=cast.sales)
    told: dict[str, Any] = {"method": protocol, "outcome": "tested", "now": now, "provider": provider, "checks": CHECKS}
    tests = [
        log.record(cast.kestrel, **told, cause=Cause.MISSING_EMAIL, detail="No e-mail address."),
        log.record(cast.kestrel, **told),
    ]
    session = client_of(cast.dana).cookies[portal.SESSION_COOKIE_NAME]
    context = browser.new_context(**look)
    context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
    page = context.new_page()

    for path in pages(provider, tests):
        page.goto(live_server.url + path)
        assert not faults_of(page), path
    context.close()
