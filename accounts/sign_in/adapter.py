"""How signing in works here: by invitation only, and every change of a credential is recorded."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.signals import user_login_failed
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.sign_in import addresses, asking, traces
from accounts.single_sign_on.causes import Cause

log = structlog.get_logger(__name__)

SIGNED_IN = audit.declare("person.signed_in", "{actor} signed in.")
PASSWORD_CHANGED = audit.declare("person.password_changed", "{actor} changed their password.")
PASSWORD_RESET = audit.declare("person.password_reset", "{actor} set a new password by an e-mailed link.")
ADDRESS_CHANGED = audit.declare("person.address_changed", "{actor} changed their sign-in e-mail.", personal=("email",))


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's questions, answered. It finds this class by the setting ACCOUNT_ADAPTER."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This person may not sign in at present. Ask an admin of your organization.",
        "duplicate_email": "That is already your address, or you are changing to it.",
        "email_password_mismatch": "E-mail and password do not belong together.",
        "email_taken": "Somebody else uses this address already.",
        "enter_current_password": "That is not your current password.",
        "incorrect_password": "That is not your password.",
        "invalid_login": "E-mail and password do not belong together.",
        "invalid_password_reset": "This link was used already or is too old.",
        "too_many_login_attempts": "That was wrong too often. Wait fifteen minutes, then try again.",
        "only_single_sign_on": "Your organization signs in by its identity provider only. No password is taken.",
        "rate_limited": "That was too often. Wait a few minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Every password that lets somebody in comes through here, and each leaves its trace in the sign-in log."""
        email = str(credentials.get("email", ""))
        if not asking.way_of(email).takes_password:
            raise self._refuse_password(request, email, Cause.ONLY_SINGLE_SIGN_ON)
        user: User | None = super().authenticate(request, **credentials)
        if user is None and getattr(request, "axes_locked_out", False):
            raise self._refuse_password(request, email, Cause.TOO_MANY_TRIES)
        if user is None:
            traces.refused(request, email, Cause.WRONG_PASSWORD)
        elif asking.only_by(user):  # by another address of the person
            raise self._refuse_password(request, user.email, Cause.ONLY_SINGLE_SIGN_ON)
        elif not user.is_active:
            traces.refused(request, user.email, Cause.DEACTIVATED)
        return user

    def post_login(self, request: HttpRequest, user: User, **details: Any) -> HttpResponse:
        """After the last step of a sign-in by password. By single sign-on nobody comes this way."""
        traces.signed_in(request, user)
        answer: HttpResponse = super().post_login(request, user, **details)
        return answer

    def clean_password(self, password: str, user: User | None = None) -> str:
        if user is not None and asking.only_by(user):
            raise self.validation_error("only_single_sign_on")
        return str(super().clean_password(password, user=user))

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Where no password counts, a letter that says so: the page is the same for everybody."""
        provider = asking.only_by(user)
        if provider is None:
            super().send_password_reset_mail(user, email, context)
        else:
            self.send_mail("account/email/password_by_provider", email, {"user": user, "provider": provider})

    def login(self, request: HttpRequest, user: User) -> None:
        with transaction.atomic():
            super().login(request, user)
            _record(SIGNED_IN, user)

    def set_password(self, user: User, password: str) -> None:
        by_link = getattr(self.request.resolver_match, "url_name", "") == "account_reset_password_from_key"
        with transaction.atomic():
            super().set_password(user, password)
            _record(PASSWORD_RESET if by_link else PASSWORD_CHANGED, user)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Makes a confirmed address the one to sign in with, unless somebody else took it meanwhile."""
        user = email_address.user
        before = user.email
        try:
            with transaction.atomic():
                if addresses.is_taken(email_address.email, by_others_than=user):
                    return self._refuse(request, email_address)
                confirmed = super().confirm_email(request, email_address)
                if confirmed and before.lower() != user.email.lower():
                    _record(ADDRESS_CHANGED, user, before={"email": before}, after={"email": user.email})
        except IntegrityError:  # taken between the question and the write
            return self._refuse(request, email_address)
        return bool(confirmed)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Built on PUBLIC_URL: a link in a letter must not depend on what the browser called us."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return f"{settings.PUBLIC_URL}{path.replace('UID-KEY', quote(key))}"

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return f"{settings.PUBLIC_URL}{reverse('account_confirm_email', args=[emailconfirmation.key])}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile") if request.user.is_authenticated else reverse("account_login")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Sent when the transaction is over: a mail server is slow, and what was rolled back must not be told."""
        letter = self.render_mail(template_prefix, email, {"email": email, "portal": settings.PUBLIC_URL, **context})
        transaction.on_commit(lambda: _post(letter))

    def _refuse_password(self, request: HttpRequest, email: str, cause: Cause) -> Exception:
        traces.refused(request, email, cause)
        code = "too_many_login_attempts" if cause is Cause.TOO_MANY_TRIES else "only_single_sign_on"
        refusal: Exception = self.validation_error(code)
        return refusal

    def _refuse(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        self.add_message(
            request,
            messages.ERROR,
            "account/messages/email_confirmation_failed.txt",
            {"email": email_address.email},
        )
        return False


@receiver(user_login_failed, dispatch_uid="accounts.sign_in_failed")
def _log_failure(credentials: dict[str, Any], **_: Any) -> None:
    """The line tells a guesser's aims apart; who knows an address can look for it, who reads the log learns none."""
    address = str(credentials.get("email", "")).strip().lower()
    log.warning("sign_in.failed", digest=hashlib.sha256(address.encode()).hexdigest()[:12])


def _post(letter: EmailMessage) -> None:
    """What the letter tells of is done already, so a mail server that refuses must not look like a failure of it."""
    try:
        letter.send()
    except (OSError, UnicodeError) as error:  # smtplib's own are OSErrors
        log.warning("letter.not_sent", reason=type(error).__name__)


def _record(action: str, user: User, *, before: Any = None, after: Any = None) -> None:
    now = timezone.now()
    audit.record(action, account=user.account, actor=user, on=user, now=now, before=before, after=after)
