"""The request itself makes no sense."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.kinds.kind import Kind

KINDS: Mapping[int, Kind] = {
    90002: Kind(
        "invalid_request",
        400,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
        has_uri=True,
        why="No tenant has the id or domain “{tenant}”.",
    ),
    50049: Kind(
        "invalid_instance",
        400,
        "Unknown or invalid instance.",
        has_uri=True,
        why="Instance discovery was asked about another host than this one.",
    ),
    900144: Kind(
        "invalid_request",
        400,
        "The request body must contain the following parameter: '{parameter}'.",
        has_uri=True,
        why="The parameter “{parameter}” is missing; a body that is no form has none at all.",
    ),
    900561: Kind(
        "invalid_request",
        400,
        "The endpoint only accepts POST, OPTIONS requests. Received a {method} request.",
        has_uri=True,
        why="The token endpoint was asked with {method}; it takes POST.",
    ),
    9002313: Kind(
        "invalid_request",
        400,
        "Invalid request. Request is malformed or invalid.",
        has_uri=True,
        why="The body cannot be read as a form.",
    ),
    9000411: Kind(
        "invalid_request",
        400,
        "The request is not properly formatted. The parameter '{parameter}' is duplicated.",
        has_uri=True,
        why="The parameter “{parameter}” was sent more than once.",
    ),
    9000410: Kind("invalid_request", 400, "Malformed JSON.", has_uri=True, why="“claims” is not a JSON object."),
    901002: Kind(
        "invalid_request",
        400,
        "The 'resource' request parameter is not supported.",
        why="“resource” belongs to the v1 endpoint; v2 takes “scope”.",
    ),
    70003: Kind(
        "unsupported_grant_type",
        400,
        "The app requested an unsupported grant type '{grant_type}'.",
        why="This grant type is not offered.",
    ),
    70005: Kind(
        "unsupported_response_type",
        400,
        "The app returned an unsupported response type. The expected response type is 'code'; received "
        "'{response_type}'.",
    ),
    70007: Kind(
        "unsupported_response_mode",
        400,
        "'{mode}' is not a supported value of 'response_mode' when requesting a token.",
        has_uri=True,
    ),
    700054: Kind(
        "unsupported_response_type",
        400,
        "response_type 'id_token' is not enabled for the application.",
        why="The registration does not allow ID tokens from the authorization endpoint.",
    ),
    90023: Kind("invalid_request", 400, "Unsupported '{parameter}' value '{value}'."),
    9002325: Kind(
        "invalid_request",
        400,
        "Proof Key for Code Exchange is required for cross-origin authorization code redemption.",
        why="A single-page application must use PKCE.",
    ),
    9002326: Kind(
        "invalid_request",
        400,
        "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request "
        "origin: '{origin}'.",
        has_uri=True,
        why="A browser asked (there is an Origin), but the redirect URI is not a single-page application’s.",
    ),
    9002327: Kind(
        "invalid_request",
        400,
        "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.",
        has_uri=True,
        why="The grant is a single-page application’s, and the request has no Origin.",
    ),
    # Scopes
    70011: Kind(
        "invalid_scope",
        400,
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter "
        "'scope' is not valid. The scope {scope} is not valid.",
    ),
    28000: Kind(
        "invalid_scope",
        400,
        "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope "
        "{scope} is not valid.",
        why="A code is redeemed for one resource at a time.",
    ),
    28002: Kind(
        "invalid_scope",
        400,
        "Provided value for the input parameter scope '{scope}' is not valid when requesting an access token. Please "
        "specify a valid scope.",
    ),
    28003: Kind(
        "invalid_scope",
        400,
        "Provided value for the input parameter scope cannot be empty when requesting an access token using the "
        "provided authorization code. Please specify a valid scope.",
    ),
    700022: Kind(
        "invalid_scope",
        400,
        "The provided value for the input parameter scope is not valid because it contains more than one resource. "
        "Scope {scope} is not valid.",
        why="“.default” was asked for of several resources at once.",
    ),
    700023: Kind(
        "invalid_scope",
        400,
        "The provided value for the input parameter scope is not valid when requesting an access token. Please specify "
        "a valid scope.",
        why="The scope names nothing that an access token could be for.",
    ),
    650053: Kind(
        "invalid_client",
        400,
        "The application '{app}' asked for scope '{scope}' that doesn't exist on the resource '{resource}'. Contact "
        "the app vendor.",
    ),
    500011: Kind(
        "invalid_resource",
        400,
        "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You might have sent your authentication request to the wrong tenant.",
        has_uri=True,
        why="The tenant has no resource “{resource}”.",
    ),
    1002012: Kind(
        "invalid_scope",
        400,
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    ),
}
