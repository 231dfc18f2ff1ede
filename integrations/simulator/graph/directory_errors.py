"""The directory's own refusals. Pure."""

from __future__ import annotations

from integrations.simulator.graph.errors import Refused


def no_such_resource(what: str) -> Refused:
    """Of the directory: people, principals, grants."""
    return Refused(
        404,
        "Request_ResourceNotFound",
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.",
    )


def unsupported_filter(name: str, type_name: str) -> Refused:
    """Of the directory: the property is there, but cannot be filtered by like this."""
    return Refused(
        400,
        "Request_UnsupportedQuery",
        f"Unsupported or invalid query filter clause specified for property '{name}' of resource '{type_name}'.",
    )


def unsupported_operator(match: str) -> Refused:
    return Refused(400, "Request_UnsupportedQuery", f"Unsupported property filter clause operator '{match}'.")


def unsupported_query(message: str) -> Refused:
    return Refused(400, "Request_UnsupportedQuery", message)


def no_such_application() -> Refused:
    return Refused(
        401,
        "Authorization_IdentityNotFound",
        "The identity of the calling application could not be established.",
    )
