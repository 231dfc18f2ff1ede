"""Setting up an identity provider: what it is, what it says of people, and what that means here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet, formset_factory
from django.forms.utils import ErrorDict

from accounts.models import Account, Group, IdentityProvider, Meaning, Protocol, User
from accounts.single_sign_on import openid_connect, saml_metadata
from accounts.single_sign_on.causes import Refused
from accounts.single_sign_on.rereading import EVERY
from accounts.single_sign_on.setting_up import Given, Meant

ROWS = 100
_END = "-----END CERTIFICATE-----"
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


def _plain() -> forms.TextInput:
    return forms.TextInput(attrs=_PLAIN)


class ProviderForm(forms.Form):
    """What both protocols have. `provider`: the one that is changed."""

    protocol: str
    columns: tuple[str, ...] = ()

    name = forms.CharField(label="Name", max_length=100, help_text="As people know it: “Continue to …”.")

    def __init__(self, *args: Any, provider: IdentityProvider | None, now: datetime, **kwargs: Any) -> None:
        self.provider, self.now = provider, now
        super().__init__(*args, **kwargs)

    def forget_errors(self) -> None:
        """What is not finished is not judged."""
        self._errors = ErrorDict()

    def given(self, mappings: list[Meant]) -> Given:
        common = ("name", "email_claim", "name_claim", "groups_claim", "roles_claim", "creates_people")
        columns = {name: self.cleaned_data[name] for name in (*common, *self.columns)}
        return Given(columns, self.cleaned_data.get("client_secret", ""), mappings)


def _claims(email: str, name: str, groups: str, roles: str) -> dict[str, forms.Field]:
    """They stand last."""
    return {
        "email_claim": forms.CharField(label="E-mail address in", max_length=200, initial=email, widget=_plain()),
        "name_claim": forms.CharField(
            label="Name in", max_length=200, initial=name, required=False, widget=_plain(), empty_value=""
        ),
        "groups_claim": forms.CharField(
            label="Groups in",
            max_length=200,
            initial=groups,
            required=False,
            widget=_plain(),
            help_text="Empty: groups are managed here alone.",
        ),
        "roles_claim": forms.CharField(
            label="Roles in",
            max_length=200,
            initial=roles,
            required=False,
            widget=_plain(),
            help_text="Empty: roles are managed here alone.",
        ),
        "creates_people": forms.BooleanField(
            label="Create people at their first sign-in",
            required=False,
            help_text="Only with addresses of associated domains that are verified. Others have to be invited.",
        ),
    }


class OpenIdForm(ProviderForm):
    protocol = Protocol.OPENID_CONNECT
    columns = ("issuer", "client_id")

    issuer = forms.CharField(
        label="Issuer",
        max_length=500,
        widget=_plain(),
        help_text="Of Microsoft Entra ID: https://login.microsoftonline.com/YOUR-TENANT-ID/v2.0",
    )
    client_id = forms.CharField(label="Client ID", max_length=200, widget=_plain())
    client_secret = forms.CharField(
        label="Client secret",
        max_length=500,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(_claims("email", "name", "groups", "roles"))
        if self.provider is None:
            self.fields["client_secret"].required = True
        else:
            self.fields["client_secret"].help_text = "Stored. Leave it empty to keep it; it is never shown again."

    def clean_issuer(self) -> str:
        """As it calls itself, at the address that was typed."""
        typed = str(self.cleaned_data["issuer"])
        if self.provider is not None and typed == self.provider.issuer:
            return typed
        try:
            found = openid_connect.look(typed, now=self.now).issuer
        except Refused as refused:
            raise ValidationError(refused.detail) from refused
        if len(found) > 500:
            raise ValidationError("The issuer is longer than 500 characters.")
        return found


class SamlForm(ProviderForm):
    """By the address of the metadata, by a file of it, or by hand."""

    protocol = Protocol.SAML
    columns = ("metadata_url", "issuer", "sign_in_url", "certificates", *("metadata_read_at", "metadata_due_at"))

    metadata_url = forms.CharField(
        label="Address of the metadata",
        max_length=1000,
        required=False,
        widget=_plain(),
        help_text="Best: Meridian reads it each day, and knows new certificates before they are used. Entra calls it "
        "“App Federation Metadata Url”.",
    )
    metadata_file = forms.FileField(
        label="Or a file with the metadata",
        required=False,
        help_text="XML, up to 1 MB. New certificates are yours to bring.",
    )
    issuer = forms.CharField(
        label="Or by hand: entity ID", max_length=500, required=False, widget=_plain(), help_text="Of the provider."
    )
    sign_in_url = forms.CharField(label="Sign-in URL", max_length=1000, required=False, widget=_plain())
    certificates = forms.CharField(
        label="Certificates",
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text="In PEM, one after another.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(_claims(f"{_CLAIMS}/emailaddress", f"{_CLAIMS}/name", "", ""))

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or self.cleaned_data
        url, file = said.get("metadata_url", ""), said.get("metadata_file")
        said.update(metadata_read_at=None, metadata_due_at=None)
        if url and file:
            self.add_error("metadata_file", "Give the address or a file, not both.")
        elif url:
            self._read(url, said)
        elif file:
            self._try("metadata_file", said, lambda: saml_metadata.parse(file.read(), now=self.now))
        else:
            self._by_hand(said)
        return said

    def _read(self, url: str, said: dict[str, Any]) -> None:
        was = self.provider
        if was is not None and url == was.metadata_url and was.metadata_read_at:
            names = ("issuer", "sign_in_url", "certificates", "metadata_read_at", "metadata_due_at")
            said.update({name: getattr(was, name) for name in names})
            return
        self._try("metadata_url", said, lambda: saml_metadata.parse(saml_metadata.read_url(url), now=self.now))
        said.update(metadata_read_at=self.now, metadata_due_at=self.now + EVERY)

    def _try(self, name: str, said: dict[str, Any], read: Any) -> None:
        try:
            found = read()
        except ValidationError as problem:
            self.add_error(name, problem)
        else:
            said.update(issuer=found.issuer, sign_in_url=found.sign_in_url, certificates=list(found.certificates))

    def _by_hand(self, said: dict[str, Any]) -> None:
        if not said.get("issuer"):
            self.add_error("metadata_url", "Give the address of the metadata, a file of it, or what follows by hand.")
            return
        pems = [f"{part}{_END}" for part in said.get("certificates", "").split(_END) if "BEGIN" in part]
        for name, read in (
            ("sign_in_url", lambda: saml_metadata.sign_in_address(said.get("sign_in_url", ""))),
            ("certificates", lambda: list(saml_metadata.checked(pems, now=self.now))),
        ):
            try:
                said[name] = read()
            except ValidationError as problem:
                self.add_error(name, problem)


FORMS: dict[str, type[ProviderForm]] = {Protocol.OPENID_CONNECT: OpenIdForm, Protocol.SAML: SamlForm}


class MappingForm(forms.Form):
    value = forms.CharField(label="When it says", max_length=200, required=False, widget=_plain())
    meaning = forms.ChoiceField(label="The person is", required=False)

    def __init__(self, *args: Any, meanings: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["meaning"].choices = meanings  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if said.get("value") and not said.get("meaning") and "meaning" not in self.errors:
            self.add_error("meaning", "Choose what it means.")
        if said.get("meaning") and not said.get("value") and "value" not in self.errors:
            self.add_error("value", "Give the value, or choose nothing.")
        return said

    def meant(self) -> Meant | None:
        value, kind = self.cleaned_data.get("value", ""), self.cleaned_data.get("meaning", "")
        if not value:
            return None
        what, _, which = kind.partition(":")
        return Meant(value, group=int(which)) if what == Meaning.GROUP else Meant(value, role=which)


class Mappings(BaseFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        """A value means a group once, and one role."""
        seen: set[tuple[str, str]] = set()
        for form in self.forms:
            said = getattr(form, "cleaned_data", {})
            value, meaning = said.get("value"), said.get("meaning", "")
            key = (value or "", "role" if meaning.startswith("role") else meaning)
            if value and key in seen:
                form.add_error("value", "This stands here already.")
            seen.add(key)

    def meant(self) -> list[Meant]:
        return [meant for form in self.forms if (meant := form.meant()) is not None]


def mappings(account: Account, data: Any, provider: IdentityProvider | None, *, more: int = 0) -> Mappings:
    """As many rows as there are, and some to fill in."""
    groups = Group.objects.filter(account=account).order_by("rank").values_list("pk", "name")
    meanings = [("", "Nothing"), ("role:admin", "Admin of the account"), ("role:member", "Member, not admin")]
    meanings += [(f"group:{pk}", f"Member of {name}") for pk, name in groups]
    factory = formset_factory(
        MappingForm, formset=Mappings, extra=3 + more, max_num=ROWS, validate_max=True, absolute_max=ROWS + 10
    )
    initial = [
        {"value": row.value, "meaning": f"role:{row.role}" if row.role else f"group:{row.group_id}"}
        for row in (provider.mappings.order_by("means", "value", "pk") if provider else [])
    ]
    found = factory(data, initial=initial, prefix="mapping", form_kwargs={"meanings": meanings})
    return cast(Mappings, found)


class KeepersForm(forms.Form):
    keepers = forms.ModelMultipleChoiceField(
        queryset=User.objects.none(),
        label="Owners who keep the password",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="For the day on which the identity provider fails. Best with a second factor.",
    )

    def __init__(self, data: Any, *, owners: Any, initial: list[int]) -> None:
        super().__init__(data, initial={"keepers": initial})
        self.fields["keepers"].queryset = owners  # type: ignore[attr-defined]
