"""Whose a domain is, asked of a Microsoft that cannot say it of every one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from integrations import tenancy
from integrations.models import AwaitedApproval
from tests.cast import Cast, crowd
from tests.integrations.stopped import KESTREL, queue
from tests.integrations.tls_host import Host, certificate, host
from tests.integrations.wired import forget_microsoft

__all__ = ["certificate", "host"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def host_of_tenants(host: Host, certificate: Path, settings: Any) -> Iterator[Host]:
    """It has trouble with every domain that begins with “a”; all others are Kestrel’s."""
    settings.MICROSOFT_AUTHORITY_HOST, settings.MICROSOFT_CA_BUNDLE = host.url, str(certificate)
    document = json.dumps({"issuer": f"{host.url}/{KESTREL}/v2.0"}).encode()
    good = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(document) + document
    bad = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
    host.talk = lambda connection, path: connection.sendall(bad if path.startswith("/a") else good)
    forget_microsoft()
    yield host
    forget_microsoft()


def test_a_domain_that_microsoft_cannot_answer_for_keeps_no_other_waiting(cast: Cast, host_of_tenants: Host) -> None:
    people = crowd(cast.kestrel, tenancy.AT_ONCE + 1)
    for number, person in enumerate(people[:-1]):
        queue([person], tenant_id="", looked_up_at=None, domain=f"a{number}.example")
    queue(people[-1:], tenant_id="", looked_up_at=None, domain="zebra.example")

    answered = sum(tenancy.look_up(now=timezone.now()) for _ in range(6))

    assert answered == 1
    assert AwaitedApproval.objects.get(domain="zebra.example").tenant_id == KESTREL
