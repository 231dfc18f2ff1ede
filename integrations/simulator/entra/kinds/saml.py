"""What is asked by SAML."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.kinds.kind import Kind

KINDS: Mapping[int, Kind] = {
    75003: Kind(
        "invalid_request",
        400,
        "The app returned an error related to unsupported binding (SAML protocol response can't be sent via bindings "
        "other than HTTP POST).",
        has_uri=True,
        why="The application wants its answer by another binding than HTTP-POST.",
    ),
    75005: Kind(
        "invalid_request",
        400,
        "The request is not a valid Saml2 protocol message.",
        has_uri=True,
        why="What came as SAMLRequest is no AuthnRequest of SAML 2.0 that can be read.",
    ),
    750054: Kind(
        "invalid_request",
        400,
        "SAMLRequest or SAMLResponse must be present as query string parameters in HTTP request for SAML Redirect "
        "binding.",
        has_uri=True,
        why="There is no SAMLRequest.",
    ),
    7500529: Kind(
        "invalid_request",
        400,
        "The value '{value}' is not a valid SAML ID. The ID must not begin with a number.",
        has_uri=True,
    ),
    75011: Kind(
        "invalid_request",
        400,
        "Authentication method 'Password' by which the user authenticated with the service doesn't match requested "
        "authentication method '{wanted}'. Contact the application owner.",
        has_uri=True,
        why="The application asks for another method than a password, exactly.",
    ),
}
