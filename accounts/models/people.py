"""Who there is: accounts, people, groups."""

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
    """An organization. Everything else belongs to exactly one."""

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
    # The way in when the identity provider is down: a password counts even where single sign-on is the only way.
    keeps_password = models.BooleanField(default=False)

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
    # The group a person is listed under: the first joined, until another is chosen. Settings follow the rank.
    is_primary = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "user"], name="a_person_is_once_in_a_group"),
            models.UniqueConstraint(
                fields=["user"], condition=Q(is_primary=True), name="a_person_has_one_primary_group"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"
