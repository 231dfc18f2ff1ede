from __future__ import annotations

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts import vault
from accounts.models import Account, IdentityProvider
from accounts.models.single_sign_on import Protocol, ProviderMapping
from config.management.commands.seed_single_sign_on import OPENID_CONNECT, SAML, TENANT, VARIABLE

HOST = "https://localhost:8443"


@pytest.fixture
def kestrel(db: None, settings: Settings) -> Account:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MICROSOFT_AUTHORITY_HOST = HOST
    call_command("seed_demo", verbosity=0)
    call_command("seed_single_sign_on", verbosity=0)
    return Account.objects.get(name="Kestrel & Co")


def _provider(key: str) -> IdentityProvider:
    return IdentityProvider.objects.get(key=key)


def test_one_is_on_and_one_is_ready_to_be_tried(kestrel: Account) -> None:
    openid, saml = _provider(OPENID_CONNECT), _provider(SAML)

    assert (openid.account, openid.protocol, openid.is_on) == (kestrel, Protocol.OPENID_CONNECT, True)
    assert (saml.account, saml.protocol, saml.is_on) == (kestrel, Protocol.SAML, False)
    assert openid.issuer == f"{HOST}/{TENANT}/v2.0"
    assert saml.issuer == f"https://sts.windows.net/{TENANT}/"
    assert saml.metadata_url.startswith(f"{HOST}/{TENANT}/federationmetadata/")
    assert saml.metadata_due_at is not None
    assert openid.creates_people
    assert saml.creates_people
    assert not openid.is_only


def test_the_secret_is_the_simulators_and_sealed(kestrel: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "another-one")

    call_command("seed_single_sign_on", verbosity=0)

    provider = _provider(OPENID_CONNECT)
    assert "another-one" not in provider.client_secret
    opened = vault.open_sealed(provider.client_secret, bound_to=vault.place_of(provider, "client_secret"))
    assert opened == "another-one"


def test_groups_at_entra_mean_groups_here(kestrel: Account) -> None:
    meant = ProviderMapping.objects.filter(provider__key=OPENID_CONNECT).values_list("group__name", flat=True)

    assert sorted(name or "" for name in meant) == ["Engineering", "Sales"]


def test_again_changes_nothing_that_people_changed(kestrel: Account) -> None:
    IdentityProvider.objects.filter(key=OPENID_CONNECT).update(is_on=False, name="Ours")
    ProviderMapping.objects.all().delete()

    call_command("seed_single_sign_on", verbosity=0)

    assert (_provider(OPENID_CONNECT).name, _provider(OPENID_CONNECT).is_on) == ("Ours", False)
    assert IdentityProvider.objects.count() == 2
    assert not ProviderMapping.objects.exists()


def test_without_the_demo_it_says_so(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_single_sign_on", verbosity=0)

    assert "seed_demo" in capsys.readouterr().err
    assert not IdentityProvider.objects.exists()
