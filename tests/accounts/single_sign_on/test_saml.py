"""Who comes in by SAML, and who does not: answers of a provider that says what it is told to."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from accounts.models import IdentityProvider, Protocol
from accounts.single_sign_on import saml, saml_assertions, saml_attributes, service_provider, signing_keys
from accounts.single_sign_on.causes import Cause, Refused
from accounts.single_sign_on.checks import Checks
from accounts.single_sign_on.saml_assertions import Expected
from accounts.single_sign_on.trips import Trip
from accounts.single_sign_on.vouched import Vouched
from tests import saml_provider
from tests.accounts.single_sign_on.at_openid import trip_to
from tests.cast import Cast
from tests.own_certificates import key_and_certificate
from tests.saml_provider import ISSUER, NAMES, SIGN_IN, Asked, SamlProvider, Says, changed

pytestmark = pytest.mark.django_db
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
MALLORY = {"email": ["mallory@elsewhere.example"]}


@pytest.fixture(scope="module")
def directory() -> SamlProvider:
    return SamlProvider()


@pytest.fixture
def row(cast: Cast, directory: SamlProvider) -> IdentityProvider:
    return set_up(cast.kestrel, directory)


def set_up(account: Any, directory: SamlProvider, **changes: Any) -> IdentityProvider:
    now = datetime.now(UTC)
    values = {
        "key": secrets.token_hex(8),
        "name": "Kestrel’s directory",
        "protocol": Protocol.SAML,
        "issuer": ISSUER,
        "sign_in_url": SIGN_IN,
        "certificates": [directory.certificate.decode()],
        "email_claim": "email",
        "name_claim": "name",
        **changes,
    }
    return IdentityProvider.objects.create(account=account, created_at=now, changed_at=now, **values)


def ask(row: IdentityProvider, **trip: Any) -> tuple[Trip, Says]:
    on = trip_to(row, **{"request_id": f"_{secrets.token_hex(20)}", **trip})
    asked = saml_provider.asked_by(saml.begin(row, on, now=datetime.now(UTC)))
    return on, Says(asked)


def receive(row: IdentityProvider, on: Trip, answer: str, checks: Checks | None = None, **later: Any) -> Vouched:
    return saml.receive(row, on, answer, checks or Checks(), now=datetime.now(UTC) + timedelta(**later))


def refusal(row: IdentityProvider, on: Trip, answer: str, **later: Any) -> Refused:
    """And the report says it as its last line."""
    checks = Checks()
    with pytest.raises(Refused) as found:
        receive(row, on, answer, checks, **later)
    assert checks.made[-1] == {**checks.made[-1], "result": "failed", "says": found.value.detail}
    return found.value


def test_who_is_vouched_for(row: IdentityProvider, directory: SamlProvider) -> None:
    on, says = ask(row)
    told = {"email": ["alice@kestrel.example"], "name": [" Alice  Moreau "]}
    checks = Checks()

    found = receive(row, on, directory.answer(changed(says, attributes=told)), checks)

    assert found == Vouched(Protocol.SAML, ISSUER, "subject-of-alice", "alice@kestrel.example", "Alice Moreau")
    assert {made["result"] for made in checks.made} == {"passed"}
    made = [made["check"] for made in checks.made]
    first = ["Answer", "Status", "Assertion", "Signature", "Time", "Audience", "Recipient"]
    assert made == [*first, "Subject", "E-mail", "Once"]


def test_the_request_is_what_it_should_be(row: IdentityProvider) -> None:
    on, says = ask(row)

    assert says.asked == Asked(
        request_id=on.request_id,
        issuer=f"http://localhost/auth/sso/{row.key}/metadata.xml",
        acs=f"http://localhost/auth/sso/{row.key}/acs/",
        relay_state=on.state,
        is_forced=False,
    )


def test_asked_again_the_provider_is_to_ask_again(row: IdentityProvider, directory: SamlProvider) -> None:
    on, says = ask(row, purpose="again")

    assert says.asked.is_forced
    assert receive(row, on, directory.answer(says)).subject == "subject-of-alice"
    on, says = ask(row, purpose="again")
    old = directory.answer(changed(says, shown=-30, assertion_id="_2"))
    assert refusal(row, on, old).cause == Cause.PROVIDER_MISTAKEN


def test_our_request_is_signed_by_the_key_of_our_metadata(row: IdentityProvider) -> None:
    signing_keys.make(row, now=datetime.now(UTC))
    first = row.signing_certificate
    signing_keys.make(row, now=datetime.now(UTC))
    row.refresh_from_db()
    assert row.signing_certificate == first  # one is enough
    assert "PRIVATE" not in row.signing_key

    address = saml.begin(row, trip_to(row), now=datetime.now(UTC))

    query = address.partition("?")[2]
    signed, _, rest = query.partition("&Signature=")
    described = etree.fromstring(service_provider.metadata(row))
    shown = described.findtext(".//ds:X509Certificate", namespaces=NAMES)
    key = x509.load_der_x509_certificate(base64.b64decode(shown)).public_key()
    key.verify(base64.b64decode(unquote(rest)), signed.encode(), padding.PKCS1v15(), hashes.SHA256())  # type: ignore[call-arg, union-attr, arg-type]


REFUSED: list[tuple[dict[str, Any], Cause, str]] = [
    ({"in_response_to": "_other"}, Cause.NOT_ASKED, "question"),
    ({"in_response_to": "none", "confirms": "none"}, Cause.NOT_ASKED, "begun at the provider"),
    ({"confirms": "_other"}, Cause.NOT_ASKED, "question"),
    ({"confirms": "none"}, Cause.NOT_ASKED, "question"),
    ({"destination": "http://localhost/auth/sso/another/acs/"}, Cause.AUDIENCE, "another/acs/"),
    ({"recipient": "http://localhost/auth/sso/another/acs/"}, Cause.AUDIENCE, "another/acs/"),
    ({"audience": "http://localhost"}, Cause.AUDIENCE, "http://localhost"),
    ({"issuer": "https://elsewhere.example"}, Cause.ISSUER, "elsewhere.example"),
    ({"begins": 6}, Cause.CLOCK, "counts from"),
    ({"ends": -6}, Cause.CLOCK, "counted until"),
    ({"subject": ""}, Cause.MISSING_SUBJECT, "NameID"),
    ({"form": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}, Cause.MISSING_SUBJECT, "transient"),
    ({"subject": "x" * 501}, Cause.MALFORMED, "501"),
    ({"attributes": {}}, Cause.MISSING_EMAIL, "no attributes"),
    ({"attributes": {"mail": ["alice@kestrel.example"]}}, Cause.MISSING_EMAIL, "It sends mail"),
    ({"attributes": {"email": ["alice"]}}, Cause.MISSING_EMAIL, "email"),
    ({"attributes": {"email": ["a@kestrel.example", "b@kestrel.example"]}}, Cause.MISSING_EMAIL, "2 addresses"),
    ({"status": (f"{STATUS}Responder", f"{STATUS}AuthnFailed")}, Cause.CANCELLED, "AuthnFailed"),
    ({"status": (f"{STATUS}Responder",)}, Cause.PROVIDER_DOWN, "Responder"),
    ({"status": (f"{STATUS}Requester", f"{STATUS}RequestDenied"), "message": "No"}, Cause.PROVIDER_REFUSED, "No"),
    ({"status": (f"{STATUS}Responder",), "message": "AADSTS50105: not assigned"}, Cause.NOT_ASSIGNED, "AADSTS50105"),
]


@pytest.mark.parametrize(("lie", "cause", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_wrong_is_refused(
    row: IdentityProvider, directory: SamlProvider, lie: dict[str, Any], cause: Cause, words: str
) -> None:
    on, says = ask(row)

    found = refusal(row, on, directory.answer(changed(says, **lie)))

    assert found.cause == cause
    assert words in found.detail


def test_an_assertion_is_taken_once(row: IdentityProvider, directory: SamlProvider) -> None:
    on, says = ask(row)
    answer = directory.answer(says)
    receive(row, on, answer)

    assert refusal(row, on, answer).cause == Cause.REPLAYED


def _no_signature(root: Any, _: SamlProvider) -> None:
    mark = root.find("saml:Assertion/ds:Signature", NAMES)
    mark.getparent().remove(mark)


def _another_address(root: Any, _: SamlProvider) -> None:
    root.find(".//saml:AttributeValue", NAMES).text = "mallory@elsewhere.example"


def _longer_time(root: Any, _: SamlProvider) -> None:
    root.find(".//saml:Conditions", NAMES).set("NotOnOrAfter", "2099-01-01T00:00:00Z")


def _of_the_response(root: Any, directory: SamlProvider) -> None:
    _no_signature(root, directory)
    directory.sign(root)


def _by_another_key(root: Any, directory: SamlProvider) -> None:
    """Without showing its certificate."""
    _no_signature(root, directory)
    SamlProvider().sign(root.find("saml:Assertion", NAMES), shows=False)


def _by_sha1(root: Any, directory: SamlProvider) -> None:
    _no_signature(root, directory)
    directory.sign(root.find("saml:Assertion", NAMES), by=xmlsec.constants.TransformRsaSha1)


def _digest_by_sha1(root: Any, directory: SamlProvider) -> None:
    _no_signature(root, directory)
    directory.sign(root.find("saml:Assertion", NAMES), digest=xmlsec.constants.TransformSha1)


@pytest.mark.parametrize(
    "lie",
    [_no_signature, _another_address, _longer_time, _of_the_response, _by_another_key, _by_sha1, _digest_by_sha1],
)
def test_what_is_not_signed_is_not_believed(
    row: IdentityProvider, directory: SamlProvider, lie: Callable[[Any, SamlProvider], None]
) -> None:
    on, says = ask(row)
    root = saml_provider.response(says)
    directory.sign(root.find("saml:Assertion", NAMES))
    lie(root, directory)

    assert refusal(row, on, saml_provider.posted(root)).cause == Cause.SIGNATURE


@pytest.mark.parametrize(
    "where",
    [
        "beside, first",
        "beside, last",
        "inside",
        "in its signature",
        "in extensions",
        "in its advice",
        "same id",
        "response around",
    ],
)
@pytest.mark.parametrize("signs_own", [False, True])
def test_a_wrapped_assertion_lets_nobody_in(
    row: IdentityProvider, directory: SamlProvider, where: str, *, signs_own: bool
) -> None:
    on, says = ask(row)
    root = saml_provider.response(says)
    directory.sign(root.find("saml:Assertion", NAMES))
    evil = saml_provider.assertion(changed(says, assertion_id="_evil-1", subject="mallory", attributes=MALLORY))
    if signs_own:
        SamlProvider().sign(evil)

    found = refusal(row, on, saml_provider.posted(saml_provider.wrapped(root, where, evil)))

    assert found.cause in (Cause.MALFORMED, Cause.SIGNATURE, Cause.CERTIFICATE_UNKNOWN, Cause.NOT_ASKED)


@pytest.mark.parametrize("place", ["saml:Subject/saml:NameID", ".//saml:AttributeValue"])
def test_a_comment_cuts_no_text(row: IdentityProvider, directory: SamlProvider, place: str) -> None:
    """CVE-2017-11427: canonicalization leaves comments out, so the signature stays good; and so does the reader."""
    on, says = ask(row)
    root = saml_provider.response(says)
    signed = directory.sign(root.find("saml:Assertion", NAMES)).find(place, NAMES)
    whole = signed.text
    signed.text = whole[:5]
    signed.append(etree.Comment("cut"))
    signed[-1].tail = whole[5:]

    found = receive(row, on, saml_provider.posted(root))

    assert (found.subject, found.email) == ("subject-of-alice", "alice@kestrel.example")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no XML",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/"><a/>',
        b"<samlp:Response xmlns:samlp='urn:oasis:names:tc:SAML:2.0:protocol' Version='2.0'/>",
        b"\x00\xff\xfe",
    ],
)
def test_nonsense_is_refused(row: IdentityProvider, raw: bytes) -> None:
    on, _ = ask(row)

    assert refusal(row, on, base64.b64encode(raw).decode()).cause == Cause.MALFORMED


@pytest.mark.parametrize("answer", ["%%%", "a", "A" * 300_000])
def test_what_is_not_even_base64_is_refused(row: IdentityProvider, answer: str) -> None:
    on, _ = ask(row)

    assert refusal(row, on, answer).cause == Cause.MALFORMED


def test_two_assertions_are_one_too_many(row: IdentityProvider, directory: SamlProvider) -> None:
    on, says = ask(row)
    root = saml_provider.response(says)
    root.append(saml_provider.assertion(changed(says, assertion_id="_assertion-2")))
    for each in root.findall("saml:Assertion", NAMES):
        directory.sign(each)

    assert refusal(row, on, saml_provider.posted(root)).cause == Cause.MALFORMED


def test_an_encrypted_assertion_is_said_to_be_one(row: IdentityProvider, directory: SamlProvider) -> None:
    on, says = ask(row)
    root = saml_provider.response(says)
    root.remove(root.find("saml:Assertion", NAMES))
    data = '<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"><xenc:CipherData><xenc:CipherValue>QUJD'
    data += "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>"
    hidden = etree.SubElement(root, f"{{{NAMES['saml']}}}EncryptedAssertion")
    hidden.append(etree.fromstring(data))

    found = refusal(row, on, saml_provider.posted(root))

    assert (found.cause, "encrypted" in found.detail) == (Cause.PROVIDER_MISTAKEN, True)


def test_an_unknown_certificate_is_named(row: IdentityProvider, directory: SamlProvider) -> None:
    on, says = ask(row)
    other = SamlProvider()

    found = refusal(row, on, other.answer(says))

    assert found.cause == Cause.CERTIFICATE_UNKNOWN
    for each in (directory, other):
        print_of = x509.load_pem_x509_certificate(each.certificate).fingerprint(hashes.SHA256()).hex(":").upper()
        assert print_of in found.detail


def test_an_expired_certificate_is_said_to_be_expired(cast: Cast) -> None:
    old = SamlProvider(days=-1)
    row = set_up(cast.kestrel, old)
    on, says = ask(row)

    found = refusal(row, on, old.answer(says))

    assert found.cause == Cause.CERTIFICATE_EXPIRED
    assert f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}" in found.detail


def test_each_known_certificate_counts(cast: Cast, directory: SamlProvider) -> None:
    _, first = key_and_certificate()
    row = set_up(cast.kestrel, directory, certificates=[first.decode(), directory.certificate.decode()])
    on, says = ask(row)

    assert receive(row, on, directory.answer(says)).email == "alice@kestrel.example"


def test_a_provider_that_is_not_read_yet_leads_nowhere(cast: Cast, directory: SamlProvider) -> None:
    row = set_up(cast.kestrel, directory, sign_in_url="")

    with pytest.raises(Refused) as found:
        saml.begin(row, trip_to(row), now=datetime.now(UTC))

    assert found.value.cause == Cause.PROVIDER_DOWN


def test_the_answer_of_another_provider_does_not_count(
    cast: Cast, row: IdentityProvider, directory: SamlProvider
) -> None:
    other = set_up(cast.kestrel, directory)
    on, says = ask(row)

    assert refusal(other, on, directory.answer(says)).cause == Cause.NOT_ASKED


def test_the_address_may_be_the_name_itself(row: IdentityProvider, directory: SamlProvider) -> None:
    on, says = ask(row)
    form = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

    found = receive(row, on, directory.answer(changed(says, subject="bob@kestrel.example", form=form, attributes={})))

    assert (found.subject, found.email) == ("bob@kestrel.example", "bob@kestrel.example")


def test_groups_and_roles_are_read(cast: Cast, directory: SamlProvider) -> None:
    row = set_up(cast.kestrel, directory, groups_claim="groups", roles_claim="roles")
    on, says = ask(row)
    told = {**says.attributes, "groups": ["a", "b", "a"]}

    found = receive(row, on, directory.answer(changed(says, attributes=told)))

    assert (found.groups, found.roles) == (("a", "b"), None)


@pytest.mark.parametrize(
    ("told", "groups"),
    [({}, ()), ({saml_attributes.GROUPS_LINK: ["https://graph.microsoft.com/…"]}, None)],
)
def test_entra_leaves_out_what_is_empty_or_too_much(
    cast: Cast, directory: SamlProvider, told: dict[str, list[str]], groups: tuple[str, ...] | None
) -> None:
    tenant = "6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"
    issuer = f"https://sts.windows.net/{tenant}/"
    row = set_up(cast.kestrel, directory, issuer=issuer, groups_claim="groups")
    on, says = ask(row)
    told = {**says.attributes, **told, saml_attributes.TENANT: [tenant]}

    found = receive(row, on, directory.answer(changed(says, issuer=issuer, attributes=told)))

    assert (found.groups, found.tenant) == (groups, tenant)


def test_a_tenant_is_believed_of_microsoft_alone(row: IdentityProvider, directory: SamlProvider) -> None:
    on, says = ask(row)
    told = {**says.attributes, saml_attributes.TENANT: ["6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21"]}

    assert receive(row, on, directory.answer(changed(says, attributes=told))).tenant == ""


@given(st.integers(-20 * 60, 20 * 60), st.integers(-20 * 60, 20 * 60))
def test_it_counts_in_its_time_and_five_minutes_around(begins: int, ends: int) -> None:
    """Seconds from now."""
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    says = Says(Asked("_q", "us", "https://us.example/acs/", "r", is_forced=False))
    assertion = saml_provider.assertion(says)
    conditions, data = (
        assertion.find("saml:Conditions", NAMES),
        assertion.find(".//saml:SubjectConfirmationData", NAMES),
    )
    conditions.set("NotBefore", f"{now + timedelta(seconds=begins):%Y-%m-%dT%H:%M:%SZ}")
    for each in (conditions, data):
        each.set("NotOnOrAfter", f"{now + timedelta(seconds=ends):%Y-%m-%dT%H:%M:%S.5Z}")
    expected = Expected("us", "https://us.example/acs/", "_q", None)

    try:
        saml_assertions.judge(assertion, expected, Checks(), now=now)
    except Refused as refused:
        assert refused.cause == Cause.CLOCK
        is_in = False
    else:
        is_in = True

    assert is_in == (begins <= 300 and ends + 0.5 > -300)
