"""Which application is calling, and does it prove it."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus
from uuid import UUID

from django.http import HttpRequest

from integrations.simulator import place
from integrations.simulator.control import seen
from integrations.simulator.entra import assertions, particulars
from integrations.simulator.entra.errors import Refused
from integrations.simulator.entra.hashes import digest
from integrations.simulator.entra.tenants import Directory, as_guid
from integrations.simulator.models import Application, AppSecret
from integrations.simulator.prepared import Prepared

# `appidacr`: how an application has proved who it is.
NOT, BY_SECRET, BY_CERTIFICATE = "0", "1", "2"


@dataclass(frozen=True)
class Client:
    application: Application
    acr: str
    origin: str
    """Of the page whose script asks; "" unless a browser sends the request."""

    def check_kind(self, *, is_spa: bool) -> None:
        """What was issued to a single-page application is for browsers, without credential; anything else is not."""
        if is_spa and not self.origin:
            raise Refused(9002327)
        if not is_spa and self.origin:
            raise Refused(9002326, origin=self.origin)
        if not is_spa and self.acr == NOT and not self.application.is_public:
            raise Refused(7000218, **particulars.of_application(self.application))


@dataclass(frozen=True)
class _Credential:
    client_id: str
    secret: str
    assertion: str

    def __bool__(self) -> bool:
        return bool(self.secret or self.assertion)


def find(client_id: str, where: Directory) -> Application:
    """The registered application, if it may be used in this directory."""
    guid = as_guid(client_id)
    if guid is None:
        raise Refused(700038, client_id=client_id)
    application = _BY_CLIENT_ID.first(guid)
    if application is None or where.is_consumers:
        name = where.tenant.name if where.tenant else "Microsoft Accounts"
        raise Refused(700016, client_id=client_id, tenant=name)
    if not application.is_multi_tenant:
        _must_be_at_home(application, where)
    return application


def claimed(request: HttpRequest, form: Mapping[str, str]) -> str:
    """The client id that is sent, in whichever way; nothing is verified."""
    basic = _basic(request)
    return basic[0] if basic else form.get("client_id") or assertions.client_id_of(form.get("client_assertion", ""))


def authenticate(request: HttpRequest, form: Mapping[str, str], where: Directory, *, now: datetime) -> Client:
    """`client_secret_post`, `client_secret_basic`, `private_key_jwt`, or nothing for what has no credential."""
    sent = _credential(request, form)
    if not sent.client_id:
        raise Refused(900144, parameter="client_id")
    application = find(sent.client_id, where)
    seen.explain(request, app=application.client_id)
    acr = _prove(request, application, sent, where, for_itself=form.get("grant_type") == "client_credentials", now=now)
    return Client(application, acr, request.headers.get("Origin", ""))


def _prove(
    request: HttpRequest,
    application: Application,
    sent: _Credential,
    where: Directory,
    *,
    for_itself: bool,
    now: datetime,
) -> str:
    about = particulars.of_application(application)
    if not sent:
        if for_itself:
            raise Refused(7000216, **about)
        if application.is_public or application.spa_redirect_uris:
            return NOT
        raise Refused(7000218, **about)
    if application.is_public:
        raise Refused(700025, **about)
    if sent.assertion:
        origin = place.here().machine_origin(request.get_host())
        assertions.check(sent.assertion, application, where, origin=origin, now=now)
        return BY_CERTIFICATE
    _check_secret(application, sent.secret, now=now)
    return BY_SECRET


def _check_secret(application: Application, secret: str, *, now: datetime) -> None:
    given = digest(secret)
    known = _SECRETS.all(application.pk)
    matching = [one for one in known if hmac.compare_digest(one.digest, given)]
    about = particulars.of_application(application)
    if not matching:
        is_key_id = any(str(one.key_id) == secret.lower() for one in known)
        why = f"What was sent is the id of a secret of {application.name}, not its value." if is_key_id else ""
        raise Refused(7000215, why=why, **about)
    latest = max(one.expires_at for one in matching)
    if latest <= now:
        raise Refused(7000222, expired_on=f"{latest:%-d %B %Y}", **about)


def _must_be_at_home(application: Application, where: Directory) -> None:
    about = particulars.of_application(application)
    if where.tenant is None:
        raise Refused(50194, **about)
    if where.tenant.pk != application.publisher_id:
        raise Refused(700016, tenant=where.tenant.name, **about)


def _credential(request: HttpRequest, form: Mapping[str, str]) -> _Credential:
    basic = _basic(request)
    if basic:
        return _Credential(*basic, "")
    assertion = form.get("client_assertion", "")
    if assertion:
        _check_type(form.get("client_assertion_type", ""))
    return _Credential(claimed(request, form), form.get("client_secret", ""), assertion)


def _check_type(given: str) -> None:
    if not given:
        raise Refused(900144, parameter="client_assertion_type")
    if given != assertions.TYPE:
        raise Refused(90023, parameter="client_assertion_type", value=given)


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


_BY_CLIENT_ID = Prepared(lambda client_id: Application.objects.filter(client_id=client_id), UUID)
_SECRETS = Prepared(lambda application: AppSecret.objects.filter(application=application), int)
