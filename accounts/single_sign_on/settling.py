"""What signing in by an identity provider writes: who is bound to whom, and who joins by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import audit, claims, invitations, openings
from accounts.domain_names import domain_of
from accounts.models import (
    AssociatedDomain,
    Bond,
    DomainState,
    IdentityProvider,
    Membership,
    Role,
    SingleSignOnIdentity,
    User,
)
from accounts.sign_in import addresses
from accounts.single_sign_on import deciding
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.deciding import Facts, Person, Step
from accounts.single_sign_on.vouched import Vouched

BOUND = audit.declare(
    "person.identity_bound",
    "{actor} is known by single sign-on from now on.",
    personal=("address",),
    say={"by": lambda bond: Bond(bond).label},
)
JOINED = audit.declare("person.joined_by_single_sign_on", "{actor} joined by single sign-on.", personal=("email",))

_BONDS = {Step.BIND: Bond.DOMAIN, Step.JOIN: Bond.DOMAIN, Step.CREATE: Bond.CREATED, Step.ASK_PASSWORD: Bond.PASSWORD}
_TRIES = 2


@dataclass(frozen=True)
class Found:
    """What there is, and what follows from it."""

    step: Step | Cause
    identity: SingleSignOnIdentity | None
    named: User | None

    @property
    def user(self) -> User | None:
        return self.identity.user if self.identity else self.named


def look(provider: IdentityProvider, vouched: Vouched) -> Found:
    """A handful of queries; writes nothing."""
    bound = SingleSignOnIdentity.objects.filter(
        provider=provider, issuer=vouched.issuer, subject=vouched.subject, user__account_id=provider.account_id
    )
    identity = bound.select_related("user__account").first()
    _require_address(vouched)
    same = list(User.objects.filter(email__iexact=vouched.email).select_related("account")[:2])
    named = same[0] if same else None
    facts = Facts(
        bound=_facts(identity.user, provider) if identity else None,
        named=_facts(named, provider) if named else None,
        is_ambiguous=len(same) > 1 or (named is None and _is_proved_by_somebody(vouched.email)),
        is_domain_verified=_is_verified(provider, vouched.email),
        creates_people=provider.creates_people,
    )
    return Found(deciding.decide(facts), identity, named)


def settle(provider: IdentityProvider, vouched: Vouched, *, now: datetime, proved: User | None = None) -> User:
    """Who it is, bound from now on. `proved`: whose password was given. Raises Refused where nobody comes in, or where
    what was decided holds no longer."""
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                claims.account(provider.account_id)
                return _settle(provider, vouched, now=now, proved=proved)
        except IntegrityError:  # somebody was quicker: it is looked at again
            continue
    raise Refused(Cause.AMBIGUOUS, "Two sign-ins with this address came at the same moment.", email=vouched.email)


def why_not(provider: IdentityProvider, vouched: Vouched, cause: Cause) -> Refused:
    """With exactly what was found, for the admin."""
    domain = domain_of(vouched.email)
    details = {
        Cause.NOBODY: f"Nobody of the account has the address {vouched.email}; {_why_not_created(provider, domain)}.",
        Cause.NOT_JOINED: f"{vouched.email} was invited and has not accepted: a verified domain lets members join by "
        "single sign-on, and owners, admins and all others by the invitation alone.",
        Cause.NOT_PROVED: f"{vouched.email} has no password to prove who it is, and {domain} is no verified domain.",
        Cause.DEACTIVATED: "The person is deactivated.",
        Cause.ANOTHER_ACCOUNT: f"The address {vouched.email} cannot be used in this account.",
        Cause.BOUND_TO_ANOTHER: f"{vouched.email} is known by another subject than the one that the provider sent "
        "now. If the person was made anew there, release the old identity on the person’s page.",
        Cause.AMBIGUOUS: f"More than one person could be meant by {vouched.email}.",
    }
    return Refused(cause, details[cause], email=vouched.email, subject=vouched.subject)


def _settle(provider: IdentityProvider, vouched: Vouched, *, now: datetime, proved: User | None) -> User:
    found = look(provider, vouched)
    if isinstance(found.step, Cause):
        raise why_not(provider, vouched, found.step)
    if found.identity is not None:
        found.identity.last_used_at, found.identity.email = now, vouched.email
        found.identity.save(update_fields=["last_used_at", "email"])
        return found.identity.user
    if found.step is Step.ASK_PASSWORD and (proved is None or proved != found.named):
        raise Refused(Cause.NOT_PROVED, "No password was given.", email=vouched.email)
    user = found.named or _created(provider, vouched, now=now)
    if found.step is Step.JOIN:
        _join(user, vouched, now=now)
    _bind(provider, vouched, user, _BONDS[found.step], now=now)
    return user


def _created(provider: IdentityProvider, vouched: Vouched, *, now: datetime) -> User:
    email = vouched.email.strip().lower()
    invitations.remove_expired(email, but_of=provider.account, now=now)
    user = User(account=provider.account, email=email, name=vouched.name.strip()[:150])
    user.name = user.name or email.partition("@")[0][:150]
    user.is_active, user.joined_at = True, now
    user.set_unusable_password()
    user.save()
    _arrived(user, now=now)
    return user


def _join(user: User, vouched: Vouched, *, now: datetime) -> None:
    user.name = user.name or vouched.name.strip()[:150]
    user.is_active, user.joined_at, user.invited_at = True, now, None
    user.save(update_fields=["name", "is_active", "joined_at", "invited_at"])
    _arrived(user, now=now)


def _arrived(user: User, *, now: datetime) -> None:
    addresses.prove(user)
    audit.record(JOINED, account=user.account, actor=user, on=user, now=now, after={"email": user.email})
    for arriving in openings.on_arriving:
        transaction.on_commit(partial(arriving, account=user.account))


def _bind(provider: IdentityProvider, vouched: Vouched, user: User, bond: Bond, *, now: datetime) -> None:
    SingleSignOnIdentity.objects.create(
        provider=provider,
        user=user,
        issuer=vouched.issuer,
        subject=vouched.subject,
        email=vouched.email,
        bond=bond,
        bound_at=now,
        last_used_at=now,
    )
    after = {"provider": provider.name, "address": vouched.email, "by": bond.value}
    audit.record(BOUND, account=user.account, actor=user, on=user, now=now, after=after)


def _facts(user: User, provider: IdentityProvider) -> Person:
    is_ours = user.account_id == provider.account_id
    return Person(
        is_of_account=is_ours,
        has_joined=user.joined_at is not None,
        is_active=user.is_active,
        is_privileged=user.role != Role.MEMBER or Membership.objects.filter(user=user, is_admin=True).exists(),
        has_password=user.has_usable_password(),
        is_bound=is_ours and SingleSignOnIdentity.objects.filter(provider=provider, user=user).exists(),
    )


def _require_address(vouched: Vouched) -> None:
    """Raises Refused for what no letter reaches and no database holds."""
    try:
        validate_email(vouched.email)
    except ValidationError as error:
        says = "What the provider gives as the e-mail address is none."
        raise Refused(Cause.MISSING_EMAIL, says, email=vouched.email, subject=vouched.subject) from error


def _is_proved_by_somebody(email: str) -> bool:
    """Somebody has confirmed the address and not made it the one to sign in with."""
    return bool(EmailAddress.objects.filter(email__iexact=email, verified=True).exists())


def _is_verified(provider: IdentityProvider, email: str) -> bool:
    domains = AssociatedDomain.objects.filter(account_id=provider.account_id, state=DomainState.VERIFIED)
    return domains.filter(name=domain_of(email)).exists()


def _why_not_created(provider: IdentityProvider, domain: str) -> str:
    if not provider.creates_people:
        return "people are not created at sign-in"
    return f"{domain} is no verified domain of the account, so nobody is created"
