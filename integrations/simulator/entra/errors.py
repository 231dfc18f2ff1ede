"""AADSTS → what Microsoft answers: error, suberror, HTTP status, text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ERROR_PAGE = "https://login.microsoftonline.com/error?code="


@dataclass(frozen=True)
class Kind:
    error: str
    status: int
    text: str
    suberror: str = ""
    has_uri: bool = False


KINDS: Mapping[int, Kind] = {
    # The request itself
    90002: Kind(
        "invalid_request",
        400,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
        has_uri=True,
    ),
    900144: Kind(
        "invalid_request",
        400,
        "The request body must contain the following parameter: '{parameter}'.",
        has_uri=True,
    ),
    901002: Kind("invalid_request", 400, "The 'resource' request parameter is not supported."),
    70003: Kind("unsupported_grant_type", 400, "The app requested an unsupported grant type '{grant_type}'."),
    70005: Kind(
        "unsupported_response_type",
        400,
        "The app returned an unsupported response type. The expected response type is 'code'; received "
        "'{response_type}'.",
    ),
    700054: Kind("unsupported_response_type", 400, "response_type 'id_token' is not enabled for the application."),
    90023: Kind("invalid_request", 400, "Unsupported '{parameter}' value '{value}'."),
    # Scopes
    70011: Kind(
        "invalid_scope",
        400,
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter "
        "'scope' is not valid. The scope {scope} is not valid.",
    ),
    650053: Kind(
        "invalid_client",
        400,
        "The application '{app}' asked for scope '{scope}' that doesn't exist on the resource "
        "'00000003-0000-0000-c000-000000000000'. Contact the app vendor.",
    ),
    # The application
    700038: Kind("unauthorized_client", 400, "{client_id} is not a valid application identifier."),
    700016: Kind(
        "unauthorized_client",
        400,
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
        has_uri=True,
    ),
    9001023: Kind(
        "invalid_request",
        400,
        "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or "
        "tenant-specific endpoint.",
    ),
    1002012: Kind(
        "invalid_scope",
        400,
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    ),
    50194: Kind(
        "invalid_request",
        400,
        "Application '{client_id}'({app}) is not configured as a multi-tenant application. Usage of the /common "
        "endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or "
        "configure the application to be multi-tenant.",
        has_uri=True,
    ),
    50011: Kind(
        "invalid_grant",
        400,
        "The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs configured for "
        "the application '{client_id}'. Make sure the redirect URI sent in the request matches one added to your "
        "application in the Azure portal.",
        has_uri=True,
    ),
    # How the application proves who it is
    7000215: Kind(
        "invalid_client",
        401,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        "the client secret ID, for a secret added to app '{client_id}'.",
        has_uri=True,
    ),
    7000222: Kind(
        "invalid_client",
        401,
        "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys "
        "for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
        "https://aka.ms/certCreds.",
        has_uri=True,
    ),
    7000218: Kind(
        "invalid_client",
        401,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        has_uri=True,
    ),
    700027: Kind(
        "invalid_client",
        401,
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        "[Reason - The key was not found.]",
        has_uri=True,
    ),
    # Codes
    54005: Kind(
        "invalid_grant",
        400,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh "
        "token.",
    ),
    70008: Kind(
        "invalid_grant",
        400,
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
        "authorization request for this user and resource.",
        has_uri=True,
    ),
    700005: Kind(
        "invalid_grant",
        400,
        "The provided authorization code is intended to use against other tenant, thus was rejected.",
    ),
    501481: Kind(
        "invalid_grant",
        400,
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    ),
    50147: Kind("invalid_grant", 400, "Missing code challenge. The size of the code challenge parameter isn't valid."),
    501491: Kind("invalid_grant", 400, "Invalid size of Code_Verifier parameter."),
    # Refresh tokens
    70000: Kind("invalid_grant", 400, "Provided grant is invalid or malformed.", suberror="bad_token", has_uri=True),
    700082: Kind(
        "invalid_grant",
        400,
        "The refresh token has expired due to inactivity. The token was issued on {issued_at} and was inactive for "
        "90.00:00:00.",
        suberror="bad_token",
        has_uri=True,
    ),
    50173: Kind(
        "invalid_grant",
        400,
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have "
        "changed or reset their password. The grant was issued on '{issued_at}' and the TokensValidFrom date (before "
        "which tokens are not valid) for this user is '{valid_from}'.",
        suberror="bad_token",
        has_uri=True,
    ),
    # The person
    50020: Kind(
        "invalid_grant",
        400,
        "User account '{user}' from identity provider does not exist in tenant '{tenant}' and cannot access the "
        "application '{client_id}' in that tenant. The account needs to be added as an external user in the tenant "
        "first.",
        has_uri=True,
    ),
    50034: Kind(
        "invalid_grant",
        400,
        "The user account '{user}' does not exist in the {tenant} directory. To sign into this application, the "
        "account must be added to the directory.",
    ),
    50057: Kind("invalid_grant", 400, "The user account is disabled.", has_uri=True),
    50126: Kind("invalid_grant", 400, "Error validating credentials due to invalid username or password."),
    50058: Kind(
        "login_required",
        400,
        "Session information is not sufficient for single-sign-on. A silent sign-in request was sent but no user is "
        "signed in.",
    ),
    # Consent
    65001: Kind(
        "invalid_grant",
        400,
        "The user or administrator has not consented to use the application with ID '{client_id}' named '{app}'. Send "
        "an interactive authorization request for this user and resource.",
        suberror="consent_required",
        has_uri=True,
    ),
    65004: Kind("access_denied", 400, "User declined to consent to access the app.", has_uri=True),
    90094: Kind(
        "access_denied",
        400,
        "An administrator of {tenant} has set a policy that prevents you from granting {app} the permissions it is "
        "requesting. Contact an administrator of {tenant}, who can grant permissions to this app on your behalf.",
        has_uri=True,
    ),
    # Trouble that passes
    90055: Kind("temporarily_unavailable", 429, "TenantThrottlingError - There are too many incoming requests."),
    90033: Kind("temporarily_unavailable", 503, "A transient error has occurred. Please try again."),
}

# In a redirect, consent that is wanting is said in OpenID Connect's words.
REDIRECT_ERRORS: Mapping[int, str] = {65001: "interaction_required", 70011: "invalid_scope", 501491: "invalid_request"}


class Refused(Exception):
    """Entra says no. Where it is caught decides whether it becomes JSON, a redirect or a page."""

    def __init__(self, code: int, *, retry_after: int | None = None, **fields: str) -> None:
        self.code = code
        self.retry_after = retry_after
        self.kind = KINDS[code]
        self.text = f"AADSTS{code}: {self.kind.text.format(**fields)}"
        super().__init__(self.text)


@dataclass(frozen=True)
class Trace:
    """The ids and the moment that every refusal names."""

    trace_id: str
    correlation_id: str
    now: datetime
    timestamp: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "timestamp", f"{self.now:%Y-%m-%d %H:%M:%SZ}")


def description(refused: Refused, trace: Trace) -> str:
    return (
        f"{refused.text} Trace ID: {trace.trace_id} Correlation ID: {trace.correlation_id} Timestamp: {trace.timestamp}"
    )


def body(refused: Refused, trace: Trace) -> dict[str, Any]:
    """The JSON of /token."""
    answer: dict[str, Any] = {
        "error": refused.kind.error,
        "error_description": description(refused, trace),
        "error_codes": [refused.code],
        "timestamp": trace.timestamp,
        "trace_id": trace.trace_id,
        "correlation_id": trace.correlation_id,
    }
    if refused.kind.has_uri:
        answer["error_uri"] = f"{ERROR_PAGE}{refused.code}"
    if refused.kind.suberror:
        answer["suberror"] = refused.kind.suberror
    return answer


def redirect_parameters(refused: Refused, trace: Trace) -> dict[str, str]:
    """The same, as the query of a redirect back to the application."""
    answer = {
        "error": REDIRECT_ERRORS.get(refused.code, refused.kind.error),
        "error_description": description(refused, trace),
    }
    if refused.kind.has_uri:
        answer["error_uri"] = f"{ERROR_PAGE}{refused.code}"
    return answer


def moment(at: datetime) -> str:
    """A time as Entra prints it inside its texts: seven fractional digits."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}0Z"
