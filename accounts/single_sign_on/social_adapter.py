"""What allauth asks about signing in elsewhere. It finds the class by the setting SOCIALACCOUNT_ADAPTER."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest

from accounts.outbound import Session
from accounts.single_sign_on import wire


class ByTheAccountAlone(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Providers are rows of an account, never of the installation; nobody joins or is linked by allauth's own flows;
    and nothing leaves but by our own way out."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        return False

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[Any]:
        return []

    def get_requests_session(self) -> Session:
        return wire.session()
