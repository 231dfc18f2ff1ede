"""What stands around every page: the left navigation, made for the person who looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest
from django.urls import reverse

from accounts import doors, openings
from accounts.models import Membership
from accounts.openings import Banner, NavigationItem

PROFILE = NavigationItem("Profile", "profile", "person", order=0)
SETTINGS = NavigationItem("Settings", "own_settings", "sliders", order=50)
USERS = NavigationItem("Users", "people", "people", order=0)
GROUPS = NavigationItem("Groups", "groups", "people", order=1)
ACCOUNT_PROFILE = NavigationItem("Account Profile", "account_profile", "shield", order=-10)
ACCOUNT_SETTINGS = NavigationItem("Account Settings", "account_settings", "shield", order=0)
SINGLE_SIGN_ON = NavigationItem("Single Sign-On", "single_sign_on", "key", order=80)
OPERATIONS = NavigationItem("Operations", "operations", "pulse", order=0)
SIGN_INS = NavigationItem("Sign-in log", "sign_ins", "key", order=85)
AUDIT = NavigationItem("Audit log", "audit", "shield", order=90)


@dataclass(frozen=True)
class Link:
    label: str
    href: str
    icon: str
    # For `aria-current`: "page" on the page itself, "true" on those beneath it, else empty.
    current: str


@dataclass(frozen=True)
class Part:
    label: str
    icon: str
    links: tuple[Link, ...]


class Frame:
    """Asks the database only when a template looks: a fragment pays nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def personal(self) -> tuple[Link, ...]:
        return self._links(PROFILE, SETTINGS, *openings.navigation)

    @cached_property
    def admin(self) -> tuple[Part, ...]:
        user = self._request.user
        if not user.is_authenticated:
            return ()
        if user.is_account_admin:
            of_account = self._links(
                ACCOUNT_PROFILE, ACCOUNT_SETTINGS, SINGLE_SIGN_ON, SIGN_INS, AUDIT, *openings.account_navigation
            )
            return (
                Part("User Management", "people", self._links(USERS, GROUPS)),
                Part("Account Management", "shield", of_account),
            )
        if Membership.objects.filter(user=user, is_admin=True).exists():
            return (Part("User Management", "people", (self._link(GROUPS),)),)
        return ()

    def _links(self, *items: NavigationItem) -> tuple[Link, ...]:
        return tuple(self._link(item) for item in sorted(items, key=lambda item: item.order))

    @cached_property
    def banners(self) -> tuple[Banner, ...]:
        """What the person must act on or know, but for what the page says itself."""
        user, match = self._request.user, self._request.resolver_match
        if not user.is_authenticated:
            return ()
        found = (about(user) for about in openings.banners)
        return tuple(banner for banner in found if banner and not (match and match.view_name in banner.not_on))

    @cached_property
    def operator(self) -> tuple[Link, ...]:
        """For those who run the installation."""
        user = self._request.user
        return (self._link(OPERATIONS),) if user.is_authenticated and doors.is_operator(user) else ()

    def _link(self, item: NavigationItem) -> Link:
        href = reverse(item.url_name)
        return Link(item.label, href, item.icon, self._current(item.url_name, href))

    def _current(self, url_name: str, href: str) -> str:
        match = self._request.resolver_match
        if match is not None and match.view_name == url_name:
            return "page"
        return "true" if href != "/" and self._request.path.startswith(href) else ""


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Context processor: `frame` in every template."""
    return {"frame": Frame(request)}
