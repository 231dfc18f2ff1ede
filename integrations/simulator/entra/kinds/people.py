"""The person: whether they are there, who they prove to be, and what their organization demands of them."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.kinds.kind import Kind

_ENROL = (
    "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll "
    "in multi-factor authentication to access '{resource}'."
)

KINDS: Mapping[int, Kind] = {
    50020: Kind(
        "invalid_grant",
        400,
        "User account '{user}' from identity provider does not exist in tenant '{tenant}' and cannot access the "
        "application '{client_id}' in that tenant. The account needs to be added as an external user in the tenant "
        "first.",
        has_uri=True,
        why="{user} is of another tenant than the one in the address.",
    ),
    50034: Kind(
        "invalid_grant",
        400,
        "The user account '{user}' does not exist in the {tenant} directory. To sign into this application, the "
        "account must be added to the directory.",
        has_uri=True,
        why="{user} is not, or no longer, in {tenant}.",
    ),
    51004: Kind(
        "invalid_grant",
        400,
        "The user account '{user}' does not exist in the {tenant} directory. To sign into this application, the "
        "account must be added to the directory.",
        has_uri=True,
    ),
    16000: Kind(
        "interaction_required",
        400,
        "Either multiple user identities are available for the current request or selected account is not supported "
        "for the scenario.",
        has_uri=True,
    ),
    50057: Kind(
        "invalid_grant", 400, "The user account is disabled.", has_uri=True, why="{name}’s account is disabled."
    ),
    50126: Kind(
        "invalid_grant", 400, "Error validating credentials due to invalid username or password.", has_uri=True
    ),
    50053: Kind(
        "invalid_grant",
        400,
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
        has_uri=True,
    ),
    50055: Kind(
        "invalid_grant",
        400,
        "The password is expired.",
        has_uri=True,
        in_redirect="interaction_required",
        why="{name}’s password has expired and must be changed at the sign-in.",
    ),
    50058: Kind(
        "login_required",
        400,
        "Session information is not sufficient for single-sign-on. A silent sign-in request was sent but no user is "
        "signed in.",
    ),
    50105: Kind(
        "invalid_grant",
        400,
        "Your administrator has configured the application {app} ('{client_id}') to block users unless they are "
        "specifically granted ('assigned') access to the application. The signed in user '{user}' is blocked because "
        "they are not a direct member of a group with access, nor had access directly assigned by an administrator. "
        "Please contact your administrator to assign access to this application.",
        has_uri=True,
        in_redirect="interaction_required",
        why="{app} is only for those assigned to it, and {user} is not.",
    ),
    # The second factor
    50072: Kind(
        "invalid_grant",
        400,
        _ENROL,
        suberror="basic_action",
        has_uri=True,
        has_claims=True,
        in_redirect="interaction_required",
    ),
    50074: Kind(
        "invalid_grant",
        400,
        "Strong Authentication is required.",
        suberror="basic_action",
        has_uri=True,
        has_claims=True,
        in_redirect="interaction_required",
    ),
    50076: Kind(
        "invalid_grant",
        400,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
        "use multi-factor authentication to access '{resource}'.",
        suberror="basic_action",
        has_uri=True,
        has_claims=True,
        in_redirect="interaction_required",
        why="{name} must use a second factor, and signed in without one.",
    ),
    50079: Kind(
        "invalid_grant",
        400,
        _ENROL,
        suberror="basic_action",
        has_uri=True,
        has_claims=True,
        in_redirect="interaction_required",
    ),
    500121: Kind("access_denied", 400, "Authentication failed during strong authentication request.", has_uri=True),
    # Conditional Access
    53000: Kind(
        "invalid_grant",
        400,
        "Device is not in required device state: compliant. Conditional Access policy requires a compliant device, and "
        "the device is not compliant. The user must enroll their device with an approved MDM provider like Intune.",
        suberror="message_only",
        has_uri=True,
        has_claims=True,
        in_redirect="interaction_required",
    ),
    53001: Kind(
        "invalid_grant",
        400,
        "Device is not in required device state: domain_joined. Conditional Access policy requires a domain joined "
        "device, and the device is not domain joined.",
        suberror="message_only",
        has_uri=True,
        has_claims=True,
        in_redirect="interaction_required",
    ),
    53003: Kind(
        "invalid_grant",
        400,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        suberror="message_only",
        has_uri=True,
        has_claims=True,
        in_redirect="interaction_required",
        why="A Conditional Access policy blocks {name}.",
    ),
    530032: Kind(
        "invalid_grant",
        400,
        "The tenant admin has configured a security policy that blocks this request.",
        suberror="message_only",
        has_uri=True,
        in_redirect="interaction_required",
    ),
    # A new password
    120000: Kind("invalid_grant", 400, "The current password is not the right one."),
    120002: Kind(
        "invalid_grant",
        400,
        "Choose a password of at least 8 characters that has three of these: upper case, lower case, digits, symbols.",
    ),
    120003: Kind("invalid_grant", 400, "The new password must not contain the user name."),
}
