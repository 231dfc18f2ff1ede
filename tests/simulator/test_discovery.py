from __future__ import annotations

import socket
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from tests.simulated import Simulator
from tests.simulator.client import Client, header, payload

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
KESTREL = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
# As captured from the service.
MEMBERS = {
    "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint",
    "device_authorization_endpoint", "end_session_endpoint", "kerberos_endpoint", "mtls_endpoint_aliases",
    "tls_client_certificate_bound_access_tokens", "response_types_supported", "response_modes_supported",
    "subject_types_supported", "scopes_supported", "id_token_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported", "claims_supported", "request_uri_parameter_supported",
    "http_logout_supported", "frontchannel_logout_supported", "tenant_region_scope", "cloud_instance_name",
    "cloud_graph_host_name", "msgraph_host", "rbac_url",
}  # fmt: skip


@pytest.mark.parametrize("tenant", [KESTREL, "kestrel.example", "KESTREL.example", "common", "organizations"])
def test_every_name_of_a_tenant_is_discovered(client: Client, tenant: str) -> None:
    origin = client.simulator.origin

    document = client.http.get(f"{origin}/{tenant}/v2.0/.well-known/openid-configuration").json()

    segment = "{tenantid}" if tenant in ("common", "organizations") else KESTREL
    assert document["issuer"] == f"{origin}/{segment}/v2.0"
    named = tenant if tenant in ("common", "organizations") else KESTREL
    assert document["token_endpoint"] == f"{origin}/{named}/oauth2/v2.0/token"
    assert document["authorization_endpoint"] == f"{client.simulator.human_url}/{named}/oauth2/v2.0/authorize"
    assert set(document) == MEMBERS


def test_personal_accounts_are_a_directory_of_their_own(client: Client) -> None:
    origin = client.simulator.origin

    documents = [
        client.http.get(f"{origin}/{segment}/v2.0/.well-known/openid-configuration").json()
        for segment in ("consumers", CONSUMERS)
    ]

    assert {document["issuer"] for document in documents} == {f"{origin}/{CONSUMERS}/v2.0"}


@pytest.mark.parametrize("tenant", [KESTREL, "kestrel.example", "common", "organizations"])
def test_the_older_document_names_the_issuer_of_access_tokens(client: Client, tenant: str) -> None:
    document = client.http.get(f"{client.simulator.origin}/{tenant}/.well-known/openid-configuration").json()

    segment = KESTREL if "kestrel" in tenant or tenant == KESTREL else "{tenantid}"
    assert document["issuer"] == f"https://sts.windows.net/{segment}/"
    keys = client.http.get(document["jwks_uri"]).json()["keys"]
    token = client.connect()["access_token"]
    assert header(token)["kid"] in [key["kid"] for key in keys]
    assert payload(token)["iss"] == f"https://sts.windows.net/{KESTREL}/"


@pytest.mark.parametrize("path", ["v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"])
def test_an_unknown_tenant_is_refused(client: Client, path: str) -> None:
    answer = client.http.get(f"{client.simulator.origin}/nowhere.example/{path}")

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert answer.json()["error_codes"] == [90002]


def test_the_key_set_holds_the_key_that_signs(client: Client) -> None:
    key = client.http.get(f"{client.simulator.authority}/discovery/v2.0/keys").json()["keys"][0]

    tokens = client.connect()

    assert {"kty", "use", "kid", "x5t", "n", "e", "x5c"} <= set(key)
    assert header(tokens["id_token"]) == {"typ": "JWT", "alg": "RS256", "kid": key["kid"]}
    assert header(tokens["access_token"]) == {"typ": "JWT", "alg": "RS256", "kid": key["kid"], "x5t": key["x5t"]}


def test_a_new_key_signs_and_the_old_one_stays_published(tmp_path: Path) -> None:
    simulator = Simulator().start(tmp_path)
    client = Client(simulator)
    before = client.connect()

    simulator.control("POST", "rotate-signing-key")
    after = client.refresh(before["refresh_token"]).json()

    keys = client.http.get(f"{simulator.authority}/discovery/v2.0/keys").json()["keys"]
    assert [key["kid"] for key in keys] == [header(after["id_token"])["kid"], header(before["id_token"])["kid"]]
    assert {client.graph(tokens["access_token"], "/me").status_code for tokens in (before, after)} == {200}
    simulator.stop()
    simulator.start()
    again = client.http.get(f"{simulator.authority}/discovery/v2.0/keys").json()["keys"]
    simulator.stop()
    assert [key["kid"] for key in again] == [key["kid"] for key in keys]


def test_no_more_than_a_handful_of_keys_is_published(tmp_path: Path) -> None:
    simulator = Simulator().start(tmp_path)

    for _ in range(6):
        simulator.control("POST", "rotate-signing-key")

    keys = simulator.http().get(f"{simulator.authority}/discovery/v2.0/keys", timeout=10).json()["keys"]
    simulator.stop()
    assert len({key["kid"] for key in keys}) == len(keys) == 5


def test_instance_discovery_knows_this_host_and_no_other(client: Client) -> None:
    origin = client.simulator.origin
    url = f"{origin}/common/discovery/instance?api-version=1.1&authorization_endpoint="

    known = client.http.get(f"{url}{origin}/organizations/oauth2/v2.0/authorize")
    unknown = client.http.get(f"{url}https://login.elsewhere.example/common/oauth2/v2.0/authorize")

    assert known.json()["tenant_discovery_endpoint"].startswith(f"{origin}/organizations/")
    metadata = known.json()["metadata"][0]
    here = f"localhost:{client.simulator.https_port}"
    assert (metadata["preferred_network"], metadata["preferred_cache"], metadata["aliases"][0]) == (here, here, here)
    assert f"127.0.0.1:{client.simulator.https_port}" in metadata["aliases"]
    assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_instance")
    assert unknown.json()["error_codes"] == [50049]


@pytest.mark.parametrize("endpoint", [None, "", "nonsense", "http://localhost/common"])
def test_instance_discovery_wants_the_address_of_an_authority(client: Client, endpoint: str | None) -> None:
    asked = {"api-version": "1.1", **({"authorization_endpoint": endpoint} if endpoint is not None else {})}

    answer = client.http.get(f"{client.simulator.origin}/common/discovery/instance", params=asked)

    assert (answer.status_code, answer.json()["error_codes"]) == (400, [50049 if endpoint is not None else 900144])


def test_addresses_follow_the_host_that_was_asked(client: Client) -> None:
    url = f"https://127.0.0.1:{client.simulator.https_port}/common/v2.0/.well-known/openid-configuration"

    document = client.http.get(url).json()

    assert document["token_endpoint"].startswith(f"https://127.0.0.1:{client.simulator.https_port}/")


def test_a_foreign_host_name_is_refused(client: Client) -> None:
    """A page elsewhere could point its own name at this machine."""
    for origin in (client.simulator.origin, client.simulator.human_url):
        answer = client.http.get(f"{origin}/healthz", headers={"Host": "rebound.example"})

        assert answer.status_code == 400


def test_the_certificate_is_one_that_strict_clients_accept(simulator: Simulator) -> None:
    authority = x509.load_pem_x509_certificate(simulator.ca_path.read_bytes())
    leaf = x509.load_pem_x509_certificate((simulator.data / "server.pem").read_bytes())

    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    issuer_key = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value

    assert names.get_values_for_type(x509.DNSName) == ["localhost", "m365.localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days <= 90
    own_key = authority.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_KEY_IDENTIFIER).value
    assert isinstance(own_key, x509.SubjectKeyIdentifier)
    assert issuer_key.key_identifier == own_key.digest
    leaf.verify_directly_issued_by(authority)


@pytest.mark.parametrize("name", ["ca-key.pem", "server-key.pem", "signing-key.pem"])
def test_private_keys_are_their_owners_alone(simulator: Simulator, name: str) -> None:
    path = simulator.data / name

    assert path.stat().st_mode & 0o777 == 0o600
    assert isinstance(load_pem_private_key(path.read_bytes(), password=None), RSAPrivateKey)


def test_who_does_not_trust_the_authority_is_not_served(simulator: Simulator) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{simulator.origin}/healthz", timeout=10)


def test_silent_connections_do_not_stop_the_others(client: Client) -> None:
    """A port scanner that connects and says nothing must not hold up the handshakes of all others."""
    silent = [socket.create_connection(("127.0.0.1", client.simulator.https_port)) for _ in range(4)]

    answer = client.simulator.http().get(f"{client.simulator.origin}/healthz", timeout=3)

    assert answer.ok
    for connection in silent:
        connection.close()
