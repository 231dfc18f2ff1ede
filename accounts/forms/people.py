"""Inviting people, giving them roles, and finding them in a list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet, TextChoices
from django.db.models.functions import Lower

from accounts.forms.profile import NAME_LENGTH
from accounts.models import Account, Group, Membership, Role, User
from accounts.sign_in import addresses


class State(TextChoices):
    ACTIVE = "active", "Active"
    INVITED = "invited", "Invited"
    DEACTIVATED = "deactivated", "Deactivated"


_IN_STATE = {
    State.ACTIVE: Q(is_active=True),
    State.INVITED: Q(is_active=False, joined_at=None),
    State.DEACTIVATED: Q(is_active=False, joined_at__isnull=False),
}

ROLE_HELP = {
    Role.OWNER: "Everything, and managing other owners.",
    Role.ADMIN: "People, groups and settings of the whole account.",
    Role.MEMBER: "Their own profile and settings. A member can be made admin of a group on the group’s page.",
}


def state_of(person: User) -> State:
    if person.is_active:
        return State.ACTIVE
    return State.INVITED if person.joined_at is None else State.DEACTIVATED


def count_by_state(account: Account) -> dict[str, int]:
    counts: dict[str, int] = User.objects.of(account).aggregate(
        **{state.value: Count("pk", filter=condition) for state, condition in _IN_STATE.items()}
    )
    return {**counts, "all": sum(counts.values())}


class PeopleFilter(forms.Form):
    """Nothing in it is required, and nonsense filters nothing: it comes from the address bar."""

    q = forms.CharField(label="Name or e-mail", required=False, max_length=200)
    role = forms.ChoiceField(label="Role", required=False, choices=[("", "All roles"), *Role.choices])
    state = forms.ChoiceField(label="State", required=False, choices=[("", "All states"), *State.choices])
    group = forms.CharField(
        label="Primary group",
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"placeholder": "Primary group", "autocomplete": "off"}),
    )

    def apply(self, account: Account) -> QuerySet[User]:
        self.is_valid()
        chosen = self.cleaned_data
        people: QuerySet[User] = User.objects.of(account).matching(chosen.get("q", ""))
        if chosen.get("role"):
            people = people.filter(role=chosen["role"])
        if chosen.get("state"):
            people = people.filter(_IN_STATE[State(chosen["state"])])
        if chosen.get("group"):
            listed = Membership.objects.filter(is_primary=True, group__name__icontains=chosen["group"])
            people = people.filter(pk__in=listed.filter(group__account=account).values("user"))
        return people.order_by(Lower("name"), "pk")


class DeleteForm(forms.Form):
    """Whoever deletes somebody types whom."""

    email = forms.CharField(
        label="The person’s e-mail",
        max_length=254,
        help_text="Typed out, so that it is nobody else by mistake.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        required=False,
        help_text="Kept in the audit log. Do not name the person in it: it stays.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._person = person

    def clean_email(self) -> str:
        typed: str = self.cleaned_data["email"].strip()
        if typed.casefold() != self._person.email.casefold():
            raise forms.ValidationError(f"This is another address. Type {self._person.email} to delete this person.")
        return typed


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="The invitation goes there, and it is what the person signs in with.",
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        required=False,
        help_text="The person can change it when joining.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label="Role", initial=Role.MEMBER, widget=forms.RadioSelect)
    group = forms.ModelChoiceField(
        label="Group",
        queryset=Group.objects.none(),
        required=False,
        empty_label="No group",
        help_text="More groups can be added later, on the group’s page.",
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = roles_given_by(by)  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["group"].queryset = Group.objects.filter(account=by.account).order_by("rank")  # type: ignore[attr-defined]  # a ModelChoiceField

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        addresses.require_mailable(email)
        return email


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)

    def __init__(self, *args: Any, by: User, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = roles_given_by(by)  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["role"].initial = person.role


def roles_given_by(giver: User) -> list[tuple[str, str]]:
    """Only owners make owners."""
    given = [role for role in Role if role != Role.OWNER or giver.role == Role.OWNER]
    return [(role.value, f"{role.label}: {ROLE_HELP[role][0].lower()}{ROLE_HELP[role][1:]}") for role in given]
