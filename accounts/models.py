"""Who there is, what they decided, and what was done. Nothing here has heard of calendars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac


class Account(models.Model):
    """An organisation. Everything else belongs to exactly one."""

    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a person may do in the whole account; a *group admin* is a `Membership.is_admin`."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"


class UserQuerySet(models.QuerySet["User"]):
    def of(self, account: Account) -> UserQuerySet:
        return self.filter(account=account)

    def matching(self, words: str) -> UserQuerySet:
        """Those whose name or address holds every one of `words`."""
        found = self
        for word in words.split():
            found = found.filter(Q(name__icontains=word) | Q(email__icontains=word))
        return found


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]  # a class made at run time
    """Finds people; `accounts.people` changes them."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)  # type: ignore[no-any-return]  # as above


class User(AbstractBaseUser):
    """A person of one account, who signs in with an e-mail address."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="people")
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=150)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    # An IANA name; every time on every page is shown in it.
    time_zone = models.CharField(max_length=64, default="UTC")
    # False: may not sign in. True from the acceptance of the invitation until somebody deactivates the person.
    is_active = models.BooleanField(default=False)
    joined_at = models.DateTimeField(null=True, blank=True)
    # When the newest invitation was sent; an older link no longer works. Null once it was accepted.
    invited_at = models.DateTimeField(null=True, blank=True)
    invited_by = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # Raised to end every open session for good.
    session_epoch = models.PositiveIntegerField(default=0)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[Any] = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_person_per_address"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
        ]
        indexes = [models.Index("account", Lower("name"), name="people_of_an_account_by_name")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_session_auth_hash(self) -> str:
        """A session holds as long as this is the same: until the password changes or the epoch is raised."""
        return self._session_hash(settings.SECRET_KEY)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return (self._session_hash(key) for key in settings.SECRET_KEY_FALLBACKS)

    def _session_hash(self, key: str | bytes) -> str:
        value = f"{self.password}:{self.session_epoch}"
        return salted_hmac("accounts.session", value, secret=key, algorithm="sha256").hexdigest()

    @property
    def is_account_admin(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN)

    @property
    def is_invited(self) -> bool:
        return self.invited_at is not None


class Group(models.Model):
    """People whose settings are decided together.

    P1 is the group with the smallest `rank`. Ranks are sparse, so that one move changes one row.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="groups")
    name = models.CharField(max_length=150)
    rank = models.BigIntegerField()
    created_at = models.DateTimeField()
    people = models.ManyToManyField(User, through="Membership", related_name="member_of")

    class Meta:
        constraints = [
            models.UniqueConstraint("account", Lower("name"), name="group_names_differ_within_an_account"),
            models.UniqueConstraint(fields=["account", "rank"], name="group_ranks_differ_within_an_account"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    # May manage the members and the settings of this group, and nothing else.
    is_admin = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="a_person_is_once_in_a_group")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"


class SettingDecision(models.Model):
    """What somebody chose for one setting at one level. No row means *inherit*.

    A lock is a decision that nobody below may change. Written by `accounts.cascade.write` only.
    """

    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions")
    key = models.CharField(max_length=100)
    # Canonical: sorted keys, every field present, so that both databases compare alike.
    value = models.JSONField()
    is_locked = models.BooleanField(default=False)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "account", "key", condition=Q(account__isnull=False), name="one_decision_per_account_and_key"
            ),
            models.UniqueConstraint(
                "group", "key", condition=Q(group__isnull=False), name="one_decision_per_group_and_key"
            ),
            models.UniqueConstraint(
                "user", "key", condition=Q(user__isnull=False), name="one_decision_per_user_and_key"
            ),
            models.CheckConstraint(
                condition=(
                    Q(account__isnull=False, group__isnull=True, user__isnull=True)
                    | Q(account__isnull=True, group__isnull=False, user__isnull=True)
                    | Q(account__isnull=True, group__isnull=True, user__isnull=False)
                ),
                name="a_decision_has_exactly_one_level",
            ),
            models.CheckConstraint(condition=Q(user__isnull=True) | Q(is_locked=False), name="users_cannot_lock"),
        ]

    def __str__(self) -> str:
        return f"{self.key} = {self.value!r}"


class AppendOnly(TypeError):
    """Somebody tried to change or delete an entry of the audit log."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> int:
        raise AppendOnly("Entries of the audit log are not changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly("Entries of the audit log are not deleted.")


class AuditEntry(models.Model):
    """What was done, by whom, to what. Append-only: `accounts.audit.record` writes, a trigger refuses the rest."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="audit_entries")
    at = models.DateTimeField()
    # Null: done by the system itself (a worker, a command).
    actor = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor_name = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    # What it was done to, in words that stay true when the thing is gone.
    target_kind = models.CharField(max_length=30)
    target_id = models.CharField(max_length=40)
    target_name = models.CharField(max_length=254)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        # Serves the audit page: newest first within the account.
        indexes = [models.Index(fields=["account", "-at", "-id"], name="audit_newest_first")]

    def __str__(self) -> str:
        return f"{self.action} {self.target_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("Entries of the audit log are not changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly("Entries of the audit log are not deleted.")
