"""The names that SAML and Entra's assertions use."""

from __future__ import annotations

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"  # noqa: S105

STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
SUCCESS, RESPONDER, NO_PASSIVE, AUTHN_FAILED = (
    f"{STATUS}{name}" for name in ("Success", "Responder", "NoPassive", "AuthnFailed")
)

UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"

# Attributes
MICROSOFT = "http://schemas.microsoft.com/identity/claims"
ROLES = "http://schemas.microsoft.com/ws/2008/06/identity/claims"
PERSONAL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
ADDRESSES = (f"{PERSONAL}/emailaddress", f"{PERSONAL}/name")
METHODS = "http://schemas.microsoft.com/claims/authnmethodsreferences"
GROUPS_ELSEWHERE = "http://schemas.microsoft.com/claims/groups.link"
BY_PASSWORD = "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password"  # noqa: S105
BY_SEVERAL = "http://schemas.microsoft.com/claims/multipleauthn"


def entity_id(tid: object) -> str:
    return f"https://sts.windows.net/{tid}/"
