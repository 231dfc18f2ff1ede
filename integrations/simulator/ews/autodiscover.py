"""Autodiscover v2: where the Exchange Web Services of a mailbox are. Anonymous JSON; or a redirect."""

from __future__ import annotations

from urllib.parse import quote

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_safe

from integrations.simulator import place
from integrations.simulator.control import seen
from integrations.simulator.ews import door
from integrations.simulator.ews.callers import Server
from integrations.simulator.models import Person

PROTOCOL = "EWS"
PATH = "/autodiscover/autodiscover.json/v1.0/"


@require_safe
def find(request: HttpRequest, address: str = "") -> HttpResponse:
    """The address stands in the path, or as `Email` in the query."""
    address = (address or request.GET.get("Email", "")).strip()
    protocol = request.GET.get("Protocol", "")
    if not protocol:
        return _refusal(
            400, "MandatoryParameterMissing", "A valid value must be provided for the parameter 'Protocol'."
        )
    if protocol.lower() != PROTOCOL.lower():
        text = f"The given protocol value '{protocol[:40]}' is invalid. Supported values are '{PROTOCOL}'."
        return _refusal(400, "ProtocolNotSupported", text)
    if "@" not in address or not address.isprintable():
        return _refusal(400, "InvalidUserId", "The given user is not valid.")
    person = _whose(address)
    if person is None or person.mailbox == Person.Mailbox.NONE:
        return _refusal(404, "UserNotFound", "The given user is not found.")
    return _leading(request, person, address)


def _leading(request: HttpRequest, person: Person, address: str) -> HttpResponse:
    here = place.here()
    is_in_cloud = person.mailbox == Person.Mailbox.CLOUD
    origin = (here.machine_origin if is_in_cloud else here.exchange_origin)(request.get_host())
    seen.explain(request, who=person.sign_in_name, tenant=person.tenant.name)
    if is_in_cloud == (door.server_of(request) == Server.ONLINE):
        return JsonResponse({"Protocol": PROTOCOL, "Url": f"{origin}/EWS/Exchange.asmx"})
    seen.explain(request, why=f"{person.name}’s mailbox is on the other server.")
    return HttpResponseRedirect(f"{origin}{PATH}{quote(address)}?Protocol={PROTOCOL}&RedirectCount=1")


def _whose(address: str) -> Person | None:
    people = Person.objects.select_related("tenant").filter(deleted_at=None, is_guest=False).order_by("pk")
    found = people.filter(Q(mail__iexact=address) | Q(upn__iexact=address)).first()
    if found is not None:
        return found
    lower = address.lower()
    return next((one for one in people.exclude(aliases=[]) if lower in (alias.lower() for alias in one.aliases)), None)


def _refusal(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse({"ErrorCode": code, "ErrorMessage": message}, status=status)
