"""The second factor of people who sign in by a password: codes of an app (RFC 6238), and recovery codes.

allauth keeps them; here is what it leaves open: its secrets are sealed, no code of an app counts twice, wrong ones
are counted, and everything is recorded. Whoever signs in by single sign-on is not asked: that is the provider's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import qrcode  # type: ignore[import-untyped]  # as its makers leave it
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.db import transaction
from django.template.loader import render_to_string

from accounts import audit, claims, letters, vault
from accounts.letters import Draft
from accounts.models import IdentityProvider, User

TURNED_ON = audit.declare("person.second_factor_on", "{actor} turned the second factor on.")
TURNED_OFF = audit.declare("person.second_factor_off", "{actor} turned the second factor off.")
CODES_MADE = audit.declare("person.recovery_codes_made", "{actor} made new recovery codes.")
CODE_USED = audit.declare("person.recovery_code_used", "{actor} used a recovery code.")
RESET = audit.declare("person.second_factor_reset", "{actor} reset the second factor of {target}.")
# A reset cannot be overtaken: what was taken away stays away until the person acts.
LETTER = letters.declare("second_factor.reset", still_holds=lambda _letter: True)

# allauth does not say for which row it seals, and seals before there is one.
PLACE = "mfa_authenticator:data"
SEALED_KEYS = ("secret", "seed", "migrated_codes")
WRONG_CODES = 5
FORGOTTEN_AFTER = 15 * 60  # seconds since the first


class NotOn(claims.Refused):
    sentence = "There is no second factor to reset: it is off."


class SealedSecrets(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth finds this class by the setting MFA_ADAPTER."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right. Codes of the app change every half minute, and each counts once.",
        "cannot_generate_recovery_codes": "Turn the second factor on first.",
    }

    def encrypt(self, text: str) -> str:
        return vault.seal(text, bound_to=PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return vault.open_sealed(encrypted_text, bound_to=PLACE)

    def build_totp_svg(self, url: str) -> str:
        """Without a style of its own, which the content security policy forbids; dark on light in either look."""
        code = qrcode.QRCode(border=4)
        code.add_data(url)
        code.make(fit=True)
        rows = code.get_matrix()
        dark = "".join(f"M{x},{y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
        return (
            f'<svg width="220" height="220" viewBox="0 0 {len(rows)} {len(rows)}" role="img" aria-label="QR code" '
            'shape-rendering="crispEdges"><rect width="100%" height="100%" fill="#fff"></rect>'
            f'<path d="{dark}" fill="#000"></path></svg>'
        )


@dataclass(frozen=True)
class Standing:
    is_on: bool
    since: datetime | None = None
    last_used_at: datetime | None = None
    codes_left: int = 0


def standing(person: User) -> Standing:
    found = {one.type: one for one in Authenticator.objects.filter(user=person)}
    app, codes = found.get(Authenticator.Type.TOTP), found.get(Authenticator.Type.RECOVERY_CODES)
    if app is None:
        return Standing(is_on=False)
    left = len(codes.wrap().get_unused_codes()) if codes else 0
    return Standing(True, app.created_at, app.last_used_at, left)


def is_on(person: User) -> bool:
    return bool(Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists())


def applies_to(person: User) -> bool:
    """Does the person sign in by a password at all?"""
    if not person.has_usable_password():
        return False
    return person.keeps_password or not IdentityProvider.objects.filter(account=person.account, is_only=True).exists()


def redeem(person: User, code: str, *, now: datetime) -> Authenticator | None:
    """What the code belongs to; it counts no more from then on. None: it is wrong, or was used."""
    with transaction.atomic():
        own = Authenticator.objects.select_for_update().filter(user=person).order_by("pk")
        for one in own:
            if one.type == Authenticator.Type.TOTP and _take_step(one, code):
                return one
            if one.type == Authenticator.Type.RECOVERY_CODES and one.wrap().validate_code(code):
                left = len(Authenticator.objects.get(pk=one.pk).wrap().get_unused_codes())
                record(CODE_USED, person, now=now, after={"codes_left": left})
                return one
    return None


def reset(person: User, *, actor: User, now: datetime) -> None:
    """For somebody who lost the app and the recovery codes: the password alone counts again, until it is set up anew.
    The person is told."""
    with transaction.atomic():
        person = claims.person(person, actor)
        own = Authenticator.objects.filter(user=person)
        if not own.exists():
            raise NotOn
        own.delete()
        audit.record(RESET, account=person.account, actor=actor, on=person, now=now)
        words = {"person": person, "actor": actor, "at": now}
        subject = render_to_string("accounts/letters/second_factor_reset_subject.txt", words)
        text = render_to_string("accounts/letters/second_factor_reset.txt", words)
        letters.post([Draft(person, LETTER, now.isoformat(), subject, text)], now=now)


def record(action: str, person: User, *, now: datetime, after: Any = None) -> None:
    audit.record(action, account=person.account, actor=person, on=person, now=now, after=after)


def is_stopped(person: User) -> bool:
    """Were there too many wrong codes? Whoever is stopped has shown the right password, so nobody is locked out by a
    stranger."""
    return int(cache.get(_key(person), 0)) >= WRONG_CODES


def count_wrong(person: User) -> None:
    if not cache.add(_key(person), 1, FORGOTTEN_AFTER):
        cache.incr(_key(person))


def forget_wrong(person: User) -> None:
    cache.delete(_key(person))


def _key(person: User) -> str:
    return f"second_factor:wrong:{person.pk}"


def _take_step(app: Authenticator, code: str) -> bool:
    """RFC 6238 §5.2: a code is not taken again, nor one older than the last that was taken."""
    secret = vault.open_sealed(app.data["secret"], bound_to=PLACE)
    wanted = code.replace(" ", "")
    last = app.data.get("last_step", -1)
    fits = [
        step
        for step in totp.yield_hotp_counters_from_time()
        if step > last
        and totp.compare_user_code(actual=wanted, expected=totp.format_hotp_value(totp.hotp_value(secret, step)))
    ]
    if not fits:
        return False
    app.data["last_step"] = fits[0]
    app.save(update_fields=["data"])
    return True
