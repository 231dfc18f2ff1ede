"""The application: which it is, where it may be used, and how it proves who it is."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.simulator.entra.kinds.kind import Kind

KINDS: Mapping[int, Kind] = {
    700038: Kind(
        "unauthorized_client",
        400,
        "{client_id} is not a valid application identifier.",
        why="The client id is not a GUID.",
    ),
    700016: Kind(
        "unauthorized_client",
        400,
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
        has_uri=True,
        why="The application is not (or no longer, or not yet) in {tenant}.",
    ),
    7000112: Kind(
        "unauthorized_client",
        400,
        "Application '{client_id}'({app}) is disabled.",
        has_uri=True,
        why="An administrator of {tenant} has disabled {app} there.",
    ),
    5000224: Kind(
        "unauthorized_client",
        400,
        "We are sorry, this resource is not available. If you are seeing this message by mistake, please contact "
        "Microsoft support.",
        has_uri=True,
        why="Microsoft has blocked {tenant}.",
    ),
    9001023: Kind(
        "invalid_request",
        400,
        "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or "
        "tenant-specific endpoint.",
        why="Client credentials are of one tenant; its id or domain must be in the address.",
    ),
    50194: Kind(
        "invalid_request",
        400,
        "Application '{client_id}'({app}) is not configured as a multi-tenant application. Usage of the /common "
        "endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or "
        "configure the application to be multi-tenant.",
        has_uri=True,
        why="{app} is of one tenant; its id or domain must be in the address.",
    ),
    90130: Kind(
        "invalid_request",
        400,
        "Application '{client_id}' ({app}) is not supported over the /common or /consumers endpoints. Please use the "
        "/organizations or tenant-specific endpoint.",
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
    900971: Kind("invalid_request", 400, "No reply address provided.", has_uri=True),
    # Credentials
    7000215: Kind(
        "invalid_client",
        401,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        "the client secret ID, for a secret added to app '{client_id}'.",
        has_uri=True,
        why="No secret of {app} has this value.",
    ),
    7000222: Kind(
        "invalid_client",
        401,
        "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys "
        "for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
        "https://aka.ms/certCreds.",
        has_uri=True,
        why="The secret is the right one, but it expired on {expired_on}.",
    ),
    7000218: Kind(
        "invalid_client",
        401,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        has_uri=True,
        why="{app} is a confidential client and sent neither secret nor assertion.",
    ),
    7000216: Kind(
        "invalid_client",
        401,
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
        has_uri=True,
        why="{app} asked for itself and sent neither secret nor assertion.",
    ),
    700025: Kind(
        "invalid_client",
        401,
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        has_uri=True,
        why="{app} is registered as a mobile or desktop application and has no credential.",
    ),
    700027: Kind(
        "invalid_client",
        401,
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        "[Reason - {reason}, Thumbprint of key used by client: '{thumbprint}', Please visit the Azure Portal, Graph "
        "Explorer or directly use MS Graph to see configured keys for app Id '{client_id}'.]",
        has_uri=True,
        why="The client assertion is not accepted: {reason}",
    ),
}
