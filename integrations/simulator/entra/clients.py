"""Which application is calling, and does it prove it."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import unquote_plus

from django.http import HttpRequest

from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.hashes import digest
from integrations.simulator.entra.tenants import Directory, as_guid
from integrations.simulator.models import Application


def find(client_id: str, where: Directory) -> Application:
    """The registered application, if it may be used in this directory."""
    guid = as_guid(client_id)
    if guid is None:
        raise Refused(700038, client_id=client_id)
    application = Application.objects.filter(client_id=guid).first()
    if application is None:
        name = where.tenant.name if where.tenant else "Microsoft Accounts"
        raise Refused(700016, client_id=client_id, tenant=name)
    if not application.is_multi_tenant:
        _must_be_at_home(application, where)
    return application


def authenticate(request: HttpRequest, form: Mapping[str, str], where: Directory, *, now: datetime) -> Application:
    """`client_secret_post` and `client_secret_basic`; assertions are refused, as no certificate is registered."""
    client_id, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
    if not client_id:
        raise Refused(900144, parameter="client_id")
    application = find(client_id, where)
    if form.get("client_assertion"):
        raise Refused(700027)
    if not secret:
        raise Refused(7000218)
    _check_secret(application, secret, now=now)
    return application


def _check_secret(application: Application, secret: str, *, now: datetime) -> None:
    given = digest(secret)
    matching = [known for known in application.secrets.all() if hmac.compare_digest(known.digest, given)]
    if not matching:
        raise Refused(7000215, client_id=str(application.client_id))
    if all(known.expires_at <= now for known in matching):
        raise Refused(7000222, client_id=str(application.client_id))


def _must_be_at_home(application: Application, where: Directory) -> None:
    if where.tenant is None:
        raise Refused(50194, client_id=str(application.client_id), app=application.name)
    if where.tenant.pk != application.publisher_id:
        raise Refused(700016, client_id=str(application.client_id), tenant=where.tenant.name)


def _basic(request: HttpRequest) -> tuple[str, str] | None:
    """RFC 6749 §2.3.1: both parts are form-encoded before they are joined."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(client_id), unquote_plus(secret)
