"""Codes, refresh tokens and consent."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.kinds.kind import Kind

KINDS: Mapping[int, Kind] = {
    # Codes
    54005: Kind(
        "invalid_grant",
        400,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh "
        "token.",
        why="The code was redeemed before; each is good for once.",
    ),
    70008: Kind(
        "invalid_grant",
        400,
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
        "authorization request for this user and resource.",
        has_uri=True,
        why="The code is older than ten minutes.",
    ),
    700005: Kind(
        "invalid_grant",
        400,
        "The provided authorization code is intended to use against other tenant, thus was rejected.",
        why="The code is of somebody of another tenant than the one in the address.",
    ),
    501481: Kind(
        "invalid_grant",
        400,
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        in_redirect="invalid_request",
    ),
    50147: Kind(
        "invalid_grant",
        400,
        "Missing code challenge. The size of the code challenge parameter isn't valid.",
        in_redirect="invalid_request",
        why="Of code_challenge (at the sign-in) and code_verifier (now) only one was sent.",
    ),
    501491: Kind(
        "invalid_grant",
        400,
        "Invalid size of Code_Verifier parameter.",
        in_redirect="invalid_request",
    ),
    # Refresh tokens
    70000: Kind(
        "invalid_grant",
        400,
        "Provided grant is invalid or malformed.",
        suberror="bad_token",
        has_uri=True,
        why="This code or refresh token was never issued to this application, or the simulator was reset since.",
    ),
    700082: Kind(
        "invalid_grant",
        400,
        "The refresh token has expired due to inactivity. The token was issued on {issued_at} and was inactive for "
        "90.00:00:00.",
        suberror="bad_token",
        has_uri=True,
        why="The refresh token has not been used for 90 days.",
    ),
    700084: Kind(
        "invalid_grant",
        400,
        "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of "
        "1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent by the SPA to "
        "the sign in page. The token was issued on {issued_at}.",
        suberror="bad_token",
        has_uri=True,
        why="A single-page application’s sign-in lasts 24 hours, however often it is refreshed.",
    ),
    70043: Kind(
        "invalid_grant",
        400,
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token "
        "was issued on {issued_at} and the maximum allowed lifetime for this request is 3600.",
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
        why="The grant was issued before {name}’s sessions were revoked at {revoked_at}.",
    ),
    50132: Kind(
        "invalid_grant",
        400,
        "The session is not valid due to the following reasons: password expiration or recent password change, SSO "
        "artifact is invalid or expired, session is not fresh enough for application, a silent sign-in request was "
        "sent but the user's session with Azure AD is invalid or has expired.",
        has_uri=True,
    ),
    50133: Kind(
        "invalid_grant",
        400,
        "Session is invalid due to expiration or recent password change.",
        has_uri=True,
    ),
    # Consent
    65001: Kind(
        "invalid_grant",
        400,
        "The user or administrator has not consented to use the application with ID '{client_id}' named '{app}'. Send "
        "an interactive authorization request for this user and resource.",
        suberror="consent_required",
        has_uri=True,
        in_redirect="interaction_required",
        why="Neither {name} nor an administrator allows {app} (any more) what it asks for.",
    ),
    65004: Kind(
        "access_denied",
        400,
        "User declined to consent to access the app.",
        has_uri=True,
        why="The person said no to what the application asks for.",
    ),
    90094: Kind(
        "access_denied",
        400,
        "An administrator of {tenant} has set a policy that prevents you from granting {app} the permissions it is "
        "requesting. Contact an administrator of {tenant}, who can grant permissions to this app on your behalf.",
        has_uri=True,
    ),
    90095: Kind(
        "access_denied",
        400,
        "Admin consent is required for the permissions requested by this application. An admin consent request may be "
        "sent to the admin.",
        has_uri=True,
    ),
}
