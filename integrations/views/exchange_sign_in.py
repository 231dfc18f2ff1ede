"""The person's own way to a server of their organization's own: what is typed is written down sealed, a worker tries
it, and no password is ever shown again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.cascade.read import effective
from accounts.doors import SignedInRequest, signed_in
from integrations import connecting, health
from integrations.ews_addresses import host_of
from integrations.exchange import joining
from integrations.forms import ExchangeSignInForm
from integrations.preferences import SERVICE_NAMES, Integrations, Method, Service
from integrations.views.trips import GET_AND_POST, not_allowed, to_profile
from integrations.ways import Way

NOT_READY = (
    "Your organization connects calendars by an account of its own at the Exchange server, which does not work yet. "
    "An admin of your account has to finish setting it up. Nothing has changed."
)
NOT_PROVED = "Confirm first that your e-mail address is yours: sign out, and in again. Nothing has changed."
TOO_MANY = (
    "The Exchange server has refused your password several times. Wait a quarter of an hour, so that your account "
    "there is not locked. Nothing has changed."
)

ANOTHER_SERVER = (
    "Your organization has chosen another Exchange server since this page was opened. Look at its name above; if it is "
    "the right one, type your password for it."
)
# In the session, until somebody else signs in: what was typed last, and at which server. Never the password.
TYPED = "exchange_typed"
KEPT = ("user_name", "address")


@sensitive_post_parameters("password")
@require_http_methods(GET_AND_POST)
@signed_in
def exchange_sign_in(request: SignedInRequest) -> HttpResponse:
    """Asks for a password; where the organization's own account opens mailboxes, only for a word."""
    settings, connection = effective(Integrations, request.user), connecting.current(request.user)
    if obstacle := connecting.obstacle_to(settings, connection):
        return not_allowed(request, obstacle)
    way = joining.way_of(request.user)
    if way is None:
        return redirect("permissions")
    if way.method is Method.IMPERSONATION:
        return _by_impersonation(request, way)
    suggested = joining.suggested(request.user, connection, way)
    is_bound = connecting.is_bound(connection, way)
    form = ExchangeSignInForm(
        request.POST or None,
        initial=suggested | _typed_before(request, way),
        address=suggested["address"] if is_bound else "",
    )
    if form.is_valid():
        # Another server by now would get a password that was typed for the one that was shown.
        if request.POST.get("server", way.server) == way.server:
            return _begin(request, form, way)
        form.add_error(None, ANOTHER_SERVER)
    return render(request, "integrations/exchange_sign_in.html", _page(way, form, health.of_rule(settings.domains)))


def begin_by_impersonation(request: SignedInRequest) -> HttpResponse:
    """To the profile, which shows how far it has come."""
    try:
        joining.by_impersonation(request.user, now=timezone.now())
    except connecting.NotAllowed as problem:
        return not_allowed(request, problem.obstacle)
    except joining.NotReady:
        messages.error(request, NOT_READY)
    except joining.NotProved:
        messages.error(request, NOT_PROVED)
    return to_profile()


def _by_impersonation(request: SignedInRequest, way: Way) -> HttpResponse:
    if request.method == "POST":
        return begin_by_impersonation(request)
    is_ready = joining.is_ready(request.user, way)
    page = _page(way, None, "") | {"address": request.user.email, "not_ready": "" if is_ready else NOT_READY}
    return render(request, "integrations/exchange_sign_in.html", page)


def _begin(request: SignedInRequest, form: ExchangeSignInForm, way: Way) -> HttpResponse:
    try:
        joining.by_password(request.user, **form.cleaned_data, now=timezone.now())
        request.session[TYPED] = {name: form.cleaned_data[name] for name in KEPT} | {"server": way.server}
    except connecting.NotAllowed as problem:
        return not_allowed(request, problem.obstacle)
    except joining.TooManyRefused:
        messages.error(request, TOO_MANY)
    return to_profile()


def _typed_before(request: SignedInRequest, way: Way) -> dict[str, str]:
    """Nobody has to type it a second time because the password was wrong."""
    typed = request.session.get(TYPED, {})
    return {name: typed[name] for name in KEPT} if typed.get("server") == way.server else {}


def _page(way: Way, form: ExchangeSignInForm | None, only: str) -> dict[str, object]:
    return {
        "form": form,
        "service": SERVICE_NAMES[Service.EXCHANGE],
        "server": host_of(way.server),
        "server_address": way.server,
        "capabilities": way.capabilities,
        "only": only,
    }
