"""SAML 2.0: the browser profile of single sign-on, as Entra speaks it."""
