"""An OpenID provider on this machine, over TLS: signs in whoever `person` is, and misbehaves as a test wants."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.certificates import for_localhost

CLIENT_ID, CLIENT_SECRET = "meridian-at-kestrel", "a secret: with & a colon"
_WELL_KNOWN = "/.well-known/openid-configuration"

Document = dict[str, Any]
Change = Callable[[Document], None]


def _nothing(_: Document) -> None:
    """Left as it is."""


@dataclass
class Key:
    kid: str
    private: Any
    algorithm: str

    @property
    def public(self) -> Document:
        kind = jwt.get_algorithm_by_name(self.algorithm)
        found: Document = json.loads(kind.to_jwk(self.private.public_key()))
        return {**found, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


def rsa_key(kid: str, algorithm: str = "RS256", bits: int = 2048) -> Key:
    return Key(kid, rsa.generate_private_key(public_exponent=65537, key_size=bits), algorithm)


def ec_key(kid: str) -> Key:
    return Key(kid, ec.generate_private_key(ec.SECP256R1()), "ES256")


@dataclass
class Faults:
    """Each a switch; as it stands, nothing is wrong."""

    discovery: Change = _nothing
    keys: Change = _nothing
    head: Change = _nothing
    claims: Change = _nothing
    userinfo: Change = _nothing
    answer: Change = _nothing  # of the token endpoint
    # The id_token by another hand: takes its head and claims.
    sign: Callable[[Document, Document], str] | None = None
    # By path: status, type and body, instead of what would be answered; or what takes too long.
    instead: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    # By path: seconds.
    slow: dict[str, float] = field(default_factory=dict)


class OpenIdProvider:
    def __init__(self, certificate: Path) -> None:
        handler = type("_OfProvider", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.certificate = certificate
        self.port = self._server.server_address[1]
        self.issuer = f"https://localhost:{self.port}"
        self.person: Document = {"sub": "alice-7", "email": "alice@kestrel.example", "name": "Alice Kestrel"}
        # Only asked for with the access token.
        self.userinfo: Document = {}
        self.keys = [rsa_key("first"), ec_key("second")]
        self.signs_with = 0
        self.proofs = ["client_secret_post"]
        self.faults = Faults()
        self.codes: dict[str, Document] = {}
        self.subjects: dict[str, str] = {}
        # Paths, in the order of their being asked; and what came to the token endpoint.
        self.asked: list[str] = []
        self.forms: list[Document] = []
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def browse(self, address: str) -> dict[str, str]:
        """As a browser whose person signs in there: what the way back holds."""
        return query_of(self.way_back(address))

    def way_back(self, address: str) -> str:
        answer = requests.get(address, verify=str(self.certificate), allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    # ── What it says ──
    def description(self) -> Document:
        found: Document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": self.proofs,
            "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.faults.discovery(found)
        return found

    def published(self) -> Document:
        found: Document = {"keys": [key.public for key in self.keys]}
        self.faults.keys(found)
        return found

    def authorize(self, asked: dict[str, str]) -> str:
        code = secrets.token_urlsafe(20)
        self.codes[code] = {**asked, "person": dict(self.person)}
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def redeem(self, form: dict[str, str], proof: str) -> tuple[int, Document]:
        self.forms.append(form)
        if not self._is_the_client(form, proof):
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = _hashed(form.get("code_verifier", ""), 32)
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri") or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant", "error_description": "The code is not for this."}
        access_token = secrets.token_urlsafe(24)
        self.subjects[access_token] = asked["person"]["sub"]
        answer = {"access_token": access_token, "token_type": "Bearer", "id_token": self._id_token(asked, access_token)}
        self.faults.answer(answer)
        return 200, answer

    def told(self, authorization: str) -> tuple[int, Document]:
        subject = self.subjects.get(authorization.removeprefix("Bearer "))
        if subject is None:
            return 401, {"error": "invalid_token"}
        found = {"sub": subject, **self.userinfo}
        self.faults.userinfo(found)
        return 200, found

    def _id_token(self, asked: Document, access_token: str) -> str:
        key, now = self.keys[self.signs_with], int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + 3600,
            "nonce": asked["nonce"],
            "at_hash": _hashed(access_token, 16),
            "auth_time": now,
            **asked["person"],
        }
        self.faults.claims(claims)
        head: Document = {"alg": key.algorithm, "kid": key.kid}
        self.faults.head(head)
        if self.faults.sign:
            return self.faults.sign(head, claims)
        return jwt.encode(claims, key.private, algorithm=head.pop("alg"), headers=head)

    def _is_the_client(self, form: dict[str, str], proof: str) -> bool:
        if proof.startswith("Basic "):
            name, _, secret = base64.b64decode(proof.removeprefix("Basic ")).decode().partition(":")
            return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


class _Handler(BaseHTTPRequestHandler):
    provider: OpenIdProvider
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self._is_otherwise(path):
            return
        if path.endswith(_WELL_KNOWN):
            self._answer(200, self.provider.description())
        elif path == "/keys":
            self._answer(200, self.provider.published())
        elif path == "/userinfo":
            self._answer(*self.provider.told(self.headers.get("Authorization", "")))
        elif path == "/authorize":
            self._say(302, "text/plain", b"", Location=self.provider.authorize(query_of(self.path)))
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if not self._is_otherwise("/token"):
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*self.provider.redeem(form, self.headers.get("Authorization", "")))

    def _is_otherwise(self, path: str) -> bool:
        faults = self.provider.faults
        self.provider.asked.append(path)
        time.sleep(faults.slow.get(path, 0))
        if path not in faults.instead:
            return False
        status, kind, body = faults.instead[path]
        self._say(status, kind, body.encode(), **({"Location": body} if 300 <= status < 400 else {}))
        return True

    def _answer(self, status: int, document: Document) -> None:
        self._say(status, "application/json", json.dumps(document).encode())

    def _say(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(name, value)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen."""


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def by_nobody(head: Document, claims: Document) -> str:
    return jwt.encode(claims, "", algorithm="none", headers={"kid": head["kid"]})


def by_the_public_key(key: Key) -> Callable[[Document, Document], str]:
    """HS256, with what everybody may read as the secret. By hand: the library refuses to."""

    def sign(_: Document, claims: Document) -> str:
        pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        parts = ({"alg": "HS256", "kid": key.kid, "typ": "JWT"}, claims)
        signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
        digest = hmac.new(pem, signed, "sha256")
        return f"{signed.decode()}.{base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()}"

    return sign


def with_key(key: Key) -> Callable[[Document, Document], str]:
    """As whoever has a key of their own."""

    def sign(head: Document, claims: Document) -> str:
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": head["kid"]})

    return sign


def _hashed(text: str, size: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:size]).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def openid_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return for_localhost(tmp_path_factory.mktemp("openid") / "localhost.pem")


@pytest.fixture
def openid_provider(openid_certificate: Path, settings: Any) -> Iterator[OpenIdProvider]:
    """The portal trusts its certificate, and may ask its port."""
    yield from provided(openid_certificate, settings)


@pytest.fixture
def another_provider(openid_provider: OpenIdProvider, settings: Any) -> Iterator[OpenIdProvider]:
    yield from provided(openid_provider.certificate, settings)


def provided(certificate: Path, settings: Any) -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider(certificate)
    settings.SINGLE_SIGN_ON_CA_BUNDLE = str(certificate)
    settings.SINGLE_SIGN_ON_PORTS = [*settings.SINGLE_SIGN_ON_PORTS, provider.port]
    settings.PRIVATE_NETWORKS_ALLOWED = ["127.0.0.0/8", "::1/128"]
    yield provider
    provider.close()
