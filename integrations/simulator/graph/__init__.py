"""Microsoft Graph v1.0: the routes that `permissions.ROUTES` lists, and Graph's errors for all others."""
