"""Who somebody of the identity provider is here. Pure.

An address alone proves nothing: a provider can be made to say any. It counts where the account has verified the
address's domain, so that whoever runs the provider answers for it anyway; else the person's own password binds, once.
Somebody with power here, and with a password, is always asked for it: whoever can give out addresses at the provider
must not become an owner by giving himself the owner's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from accounts.single_sign_on.causes import Cause


class Step(StrEnum):
    ENTER = "enter"  # bound already
    BIND = "bind"  # by the verified domain
    JOIN = "join"  # the same, of somebody who was invited
    CREATE = "create"
    ASK_PASSWORD = "ask_password"  # noqa: S105


@dataclass(frozen=True)
class Person:
    """What counts of somebody here. `is_bound`: to another subject of the provider than this one."""

    is_of_account: bool = True
    has_joined: bool = True
    is_active: bool = True
    is_privileged: bool = False
    has_password: bool = True
    is_bound: bool = False


@dataclass(frozen=True)
class Facts:
    # Whom the issuer and the subject are bound to; and who has the address.
    bound: Person | None = None
    named: Person | None = None
    is_ambiguous: bool = False
    is_domain_verified: bool = False
    creates_people: bool = False


def decide(facts: Facts) -> Step | Cause:
    if facts.bound is not None:
        return Step.ENTER if facts.bound.is_active else Cause.DEACTIVATED
    if facts.is_ambiguous:
        return Cause.AMBIGUOUS
    if facts.named is None:
        return Step.CREATE if facts.is_domain_verified and facts.creates_people else Cause.NOBODY
    return _of_named(facts.named, is_domain_verified=facts.is_domain_verified)


def _of_named(named: Person, *, is_domain_verified: bool) -> Step | Cause:
    if not named.is_of_account:
        return Cause.ANOTHER_ACCOUNT
    if named.is_bound:
        return Cause.BOUND_TO_ANOTHER
    if not named.has_joined:
        return Step.JOIN if is_domain_verified and not named.is_privileged else Cause.NOT_JOINED
    if not named.is_active:
        return Cause.DEACTIVATED
    if is_domain_verified and not (named.is_privileged and named.has_password):
        return Step.BIND
    return Step.ASK_PASSWORD if named.has_password else Cause.NOT_PROVED
