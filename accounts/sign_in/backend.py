"""Who the person of a session is: looked up afresh on every request."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend

from accounts.models import User


class EmailAndPassword(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    """Brings the account along, which every page shows; whoever was deactivated is nobody from then on."""

    def get_user(self, user_id: int) -> User | None:
        user: User | None = User.objects.select_related("account").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
