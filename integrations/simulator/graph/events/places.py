"""Where an event takes place, as a client sends it."""

from __future__ import annotations

from typing import Any

from integrations.simulator.graph.events.shapes import many, number, one_of, struct, text

LOCATION_TYPES = (
    "default", "conferenceRoom", "homeAddress", "businessAddress", "geoCoordinates", "streetAddress", "hotel",
    "restaurant", "localBusiness", "postalAddress",
)  # fmt: skip
ID_TYPES = ("unknown", "locationStore", "directory", "private", "bing")
# `type` is not among the documented members; Outlook writes it all the same, and takes it back.
_ADDRESS = struct(
    "physicalAddress",
    dict.fromkeys(("type", "street", "city", "state", "countryOrRegion", "postalCode"), text),
)
_COORDINATES = struct(
    "outlookGeoCoordinates",
    dict.fromkeys(("altitude", "latitude", "longitude", "accuracy", "altitudeAccuracy"), number),
)
_LOCATIONS = many(
    struct(
        "location",
        {
            "displayName": text,
            "locationEmailAddress": text,
            "address": _ADDRESS,
            "coordinates": _COORDINATES,
            "locationUri": text,
            "locationType": one_of(LOCATION_TYPES, "locationType"),
            "uniqueId": text,
            "uniqueIdType": one_of(ID_TYPES, "locationUniqueIdType"),
        },
    )
)
# Alone they say nothing of a place.
_KINDS = ("displayName", "locationType", "uniqueId", "uniqueIdType", "address", "coordinates")


def read(value: object, name: str) -> dict[str, Any]:
    """Sending an empty place is how clients take the place away."""
    kept = _LOCATIONS(value, name)
    return {"locations": [one for one in kept if one.get("displayName") or set(one) - set(_KINDS)]}


def read_one(value: object, name: str) -> dict[str, Any]:
    return {"locations": []} if value is None else read([value], name)
