"""Who somebody is at Microsoft is believed only of an id_token that proves it. Here somebody forges them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.contracts import Unreachable
from integrations.microsoft import id_tokens, signing_keys
from tests.integrations.tls_host import Host, certificate, host
from tests.integrations.wired import forget_microsoft

__all__ = ["certificate", "host"]

TENANT = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
PERSON = "2f7b4c34-5e3d-4a2c-9b11-3d4c9e7b6a03"
OTHER = "b83e0c4d-91f6-4f0a-8d27-7c12e6a95b30"
CLIENT = "@client"  # stands for the portal's own id
NONCE = "the-nonce-that-was-kept"

Forge = Callable[[dict[str, Any]], object]


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def served(body: object) -> bytes:
    text = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


@dataclass
class Issuer:
    """What serves keys and signs with them."""

    host: Host
    client_id: str
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"key-1": new_key()})
    # As its discovery document says, where that is not the usual.
    issuer: str = ""
    keys_at: str = ""

    def publish(self) -> None:
        public = [
            json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": name, "use": "sig"}
            for name, key in self.keys.items()
        ]
        self.host.talk = lambda connection, path: connection.sendall(
            served({"keys": public} if path.endswith("/keys") else self.described(path))
        )

    def described(self, path: str) -> dict[str, str]:
        segment = path.split("/")[1]
        named = "{tenantid}" if segment in ("organizations", "common") else TENANT
        issuer = self.issuer or f"{self.host.url}/{named}/v2.0"
        return {"issuer": issuer, "jwks_uri": self.keys_at or f"{self.host.url}/{segment}/discovery/v2.0/keys"}

    def claims(self) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": f"{self.host.url}/{TENANT}/v2.0",
            "aud": self.client_id,
            "tid": TENANT,
            "oid": PERSON,
            "preferred_username": "alice@kestrel.example",
            "nonce": hashlib.sha256(NONCE.encode()).hexdigest(),
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        }

    def signed(self, claims: dict[str, Any], *, kid: str = "key-1", key: rsa.RSAPrivateKey | None = None) -> str:
        return jwt.encode(claims, key or self.keys[kid], algorithm="RS256", headers={"kid": kid})


@pytest.fixture
def issuer(host: Host, certificate: Path, settings: Any) -> Iterator[Issuer]:
    settings.MICROSOFT_AUTHORITY_HOST = host.url
    settings.MICROSOFT_CA_BUNDLE = str(certificate)
    forget_microsoft()
    issuer = Issuer(host, settings.MICROSOFT_CLIENT_ID)
    issuer.publish()
    yield issuer
    forget_microsoft()


def test_a_token_that_proves_all_it_says_is_believed(issuer: Issuer) -> None:
    who = id_tokens.identify(issuer.signed(issuer.claims()), nonce=NONCE)

    assert who == id_tokens.Identity(TENANT, PERSON, "alice@kestrel.example")


def changed(**claims: Any) -> Forge:
    def forge(good: dict[str, Any]) -> None:
        own = good["aud"]
        good.update(claims)
        if isinstance(good["aud"], list):
            good["aud"] = [own if one == CLIENT else one for one in good["aud"]]

    return forge


def shifted(**seconds: int) -> Forge:
    """From now, where now is the test's: these lines are read minutes before it runs."""
    return lambda good: good.update({name: int(time.time()) + by for name, by in seconds.items()})


def without(name: str) -> Forge:
    return lambda good: good.pop(name)


@pytest.mark.parametrize(
    "forge",
    [
        changed(aud="9d0c8e7b-0000-4f0e-9d52-0c8e7b6a5f40"),
        changed(aud=["another", "third"]),
        changed(iss="https://login.evil.example/x/v2.0"),
        changed(iss=f"https://localhost:1/{TENANT}/v2.0"),
        changed(tid="b83e0c4d-91f6-4f0a-8d27-7c12e6a95b30"),
        shifted(exp=-600),
        changed(exp="tomorrow"),
        shifted(iat=600, nbf=600),
        changed(nonce=NONCE),
        changed(nonce=hashlib.sha256(b"another").hexdigest()),
        changed(nonce=""),
        changed(nonce=None),
        changed(nonce="²"),
        changed(aud=[CLIENT, "another"]),
        changed(aud=[CLIENT]),
        changed(oid=""),
        changed(oid="alice@kestrel.example"),
        changed(oid=17),
        changed(tid=""),
        changed(tid="organizations"),
        changed(tid="../.."),
        changed(tid=TENANT.upper(), iss="https://localhost/x/v2.0"),
        changed(nbf="soon"),
        changed(iat="now"),
        *[without(name) for name in ("exp", "iat", "iss", "aud", "tid", "oid", "nonce")],
    ],
)
def test_a_token_that_does_not_prove_one_thing_proves_nothing(forge: Forge, issuer: Issuer) -> None:
    claims = issuer.claims()
    forge(claims)

    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(issuer.signed(claims), nonce=NONCE)


def test_a_key_of_somebody_else_under_the_known_name_does_not_count(issuer: Issuer) -> None:
    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(issuer.signed(issuer.claims(), key=new_key()), nonce=NONCE)


def test_a_key_that_nobody_publishes_does_not_count(issuer: Issuer) -> None:
    issuer.keys["unpublished"] = new_key()

    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(issuer.signed(issuer.claims(), kid="unpublished"), nonce=NONCE)


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def test_a_token_without_a_signature_does_not_count(issuer: Issuer) -> None:
    for algorithm in ("none", "None", "NONE"):
        unsigned = f"{encoded({'alg': algorithm, 'kid': 'key-1'})}.{encoded(issuer.claims())}."

        with pytest.raises(id_tokens.Untrusted):
            id_tokens.identify(unsigned, nonce=NONCE)


def test_the_public_key_is_not_taken_for_a_shared_secret(issuer: Issuer) -> None:
    public = (
        issuer.keys["key-1"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    text = f"{encoded({'alg': 'HS256', 'kid': 'key-1'})}.{encoded(issuer.claims())}"
    mac = hmac.new(public, text.encode(), hashlib.sha256).digest()

    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}", nonce=NONCE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(max_size=60) | st.from_regex(r"\A[\w-]{0,20}\.[\w-]{0,20}\.[\w-]{0,20}\Z"))
def test_anything_else_is_untrusted_and_nothing_else_is_raised(issuer: Issuer, junk: str) -> None:
    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(junk, nonce=NONCE)


def test_a_key_that_microsoft_has_rolled_is_looked_up_anew(issuer: Issuer) -> None:
    id_tokens.identify(issuer.signed(issuer.claims()), nonce=NONCE)
    issuer.keys = {"key-2": new_key()}
    issuer.publish()

    who = id_tokens.identify(issuer.signed(issuer.claims(), kid="key-2"), nonce=NONCE)

    assert who.object_id == PERSON


DESCRIPTION, KEYS = "/organizations/v2.0/.well-known/openid-configuration", "/organizations/discovery/v2.0/keys"


def test_keys_are_fetched_once(issuer: Issuer) -> None:
    for _ in range(3):
        id_tokens.identify(issuer.signed(issuer.claims()), nonce=NONCE)

    assert issuer.host.paths == [DESCRIPTION, KEYS]


def test_a_key_nobody_publishes_is_looked_up_once_and_not_again_and_again(issuer: Issuer) -> None:
    issuer.keys["unpublished"] = new_key()

    for _ in range(20):
        with pytest.raises(id_tokens.Untrusted):
            id_tokens.identify(issuer.signed(issuer.claims(), kid="unpublished"), nonce=NONCE)

    assert issuer.host.paths.count(KEYS) == 2


def test_ever_new_key_ids_make_no_storm_and_are_not_judged_in_a_hurry(issuer: Issuer) -> None:
    seen: list[type[Exception]] = []
    for number in range(30):
        token = jwt.encode(issuer.claims(), issuer.keys["key-1"], algorithm="RS256", headers={"kid": f"new-{number}"})

        with pytest.raises((id_tokens.Untrusted, Unreachable)) as problem:
            id_tokens.identify(token, nonce=NONCE)
        seen.append(problem.type)

    limit = signing_keys.LOOK_UPS_A_MINUTE
    assert issuer.host.paths.count(KEYS) == 1 + limit
    assert seen == [id_tokens.Untrusted] * limit + [Unreachable] * (30 - limit)
    assert id_tokens.identify(issuer.signed(issuer.claims()), nonce=NONCE).object_id == PERSON


def test_many_threads_that_need_keys_at_once_fetch_them_once(issuer: Issuer) -> None:
    token = issuer.signed(issuer.claims())

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: id_tokens.identify(token, nonce=NONCE), range(8)))

    assert {who.object_id for who in found} == {PERSON}
    assert issuer.host.paths.count(KEYS) == 1


# ── Whose word it is ────────────────────────────────────────────────────────
def test_of_an_authority_for_one_tenant_only_that_tenant_counts(issuer: Issuer, settings: Any) -> None:
    settings.MICROSOFT_TENANT = TENANT
    assert id_tokens.identify(issuer.signed(issuer.claims()), nonce=NONCE).tenant_id == TENANT
    other = issuer.claims() | {"tid": OTHER, "iss": f"{issuer.host.url}/{OTHER}/v2.0"}

    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(issuer.signed(other), nonce=NONCE)


def test_an_authority_named_by_a_domain_stands_for_the_tenant_behind_it(issuer: Issuer, settings: Any) -> None:
    settings.MICROSOFT_TENANT = "kestrel.example"
    other = issuer.claims() | {"tid": OTHER, "iss": f"{issuer.host.url}/{OTHER}/v2.0"}

    assert id_tokens.identify(issuer.signed(issuer.claims()), nonce=NONCE).tenant_id == TENANT
    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(issuer.signed(other), nonce=NONCE)


def test_the_issuers_tenant_must_be_the_tokens_own(issuer: Issuer, settings: Any) -> None:
    settings.MICROSOFT_TENANT = TENANT

    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(issuer.signed(issuer.claims() | {"tid": OTHER}), nonce=NONCE)


def test_personal_accounts_are_nobodys_in_an_organization(issuer: Issuer) -> None:
    personal = issuer.claims() | {
        "tid": id_tokens.PERSONAL,
        "iss": f"{issuer.host.url}/{id_tokens.PERSONAL}/v2.0",
    }

    with pytest.raises(id_tokens.Untrusted):
        id_tokens.identify(issuer.signed(personal), nonce=NONCE)


@pytest.mark.parametrize("what", ["issuer", "keys_at"])
def test_another_host_does_not_speak_for_the_authority(what: str, issuer: Issuer) -> None:
    setattr(issuer, what, f"https://evil.example/{TENANT}/v2.0")

    with pytest.raises(Unreachable):
        id_tokens.identify(issuer.signed(issuer.claims()), nonce=NONCE)


@pytest.mark.parametrize(("length", "is_kept"), [(254, True), (255, False)])
def test_a_name_longer_than_any_address_is_none(length: int, is_kept: bool, issuer: Issuer) -> None:
    name = "@kestrel.example".rjust(length, "a")

    who = id_tokens.identify(issuer.signed(issuer.claims() | {"preferred_username": name}), nonce=NONCE)

    assert who.username == (name if is_kept else "")


def test_the_same_ids_in_capitals_are_the_same_person(issuer: Issuer) -> None:
    shouted = issuer.claims() | {"oid": PERSON.upper()}

    assert id_tokens.identify(issuer.signed(shouted), nonce=NONCE).object_id == PERSON


@pytest.mark.parametrize("spoilt", ["/keys", "/openid-configuration"])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"keys": 1}', b'{"keys": [{}]}', b'{"keys": ["x"]}', b"[" * 100_000],
    ids=["nothing", "a page", "a list", "a number", "empty keys", "words", "nested too deeply"],
)
def test_senseless_keys_are_passing_trouble_and_not_a_judgement(body: bytes, spoilt: str, issuer: Issuer) -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    issuer.host.talk = lambda connection, path: connection.sendall(
        answer + body if path.endswith(spoilt) else served(issuer.described(path))
    )

    with pytest.raises(Unreachable):
        id_tokens.identify(issuer.signed(issuer.claims()), nonce=NONCE)


def test_without_keys_nobody_is_judged(issuer: Issuer) -> None:
    token = issuer.signed(issuer.claims())
    issuer.host.close()
    forget_microsoft()

    with pytest.raises(Unreachable):
        id_tokens.identify(token, nonce=NONCE)


def test_clocks_may_differ_a_little(issuer: Issuer) -> None:
    now = int(time.time())
    claims = issuer.claims() | {"exp": now - 60, "iat": now + 60, "nbf": now + 60}

    assert id_tokens.identify(issuer.signed(claims), nonce=NONCE).object_id == PERSON
