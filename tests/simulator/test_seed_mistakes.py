"""How a seed that makes no sense is refused: in one sentence, before anything starts."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from integrations.simulator import certificates
from integrations.simulator.seeds import reading
from tests.simulator.test_own_seed import SEED


def _refused(tmp_path: Path, text: str) -> str:
    seed = tmp_path / "seed.yaml"
    seed.write_text(text)
    with pytest.raises(reading.BadSeed) as refused:
        reading.read(seed)
    said = str(refused.value)
    assert str(seed) in said
    assert "\n" not in said
    return said


def _changed(old: str, new: str) -> str:
    assert SEED.count(old) >= 1, old
    return SEED.replace(old, new, 1)


@pytest.fixture
def _named_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATOR_APP_CLIENT_ID", "61111111-2222-4333-8444-555555555555")
    monkeypatch.setenv("SIMULATOR_APP_REDIRECT_URI", "http://localhost:8000/callback/")


MISTAKES = {
    "an unknown field": ("name: Wren\n", "naem: Wren\n", "tenants[1]: `name` is missing."),
    "a misspelt field": (
        "user_consent:",
        "user_consnet:",
        "tenants[2]: `user_consnet` is not known. Did you mean `user_consent`?",
    ),
    "an unknown choice": (
        "not_allowed",
        "forbidden",
        "tenants[2].user_consent: “forbidden” is not known. It must be one of:",
    ),
    "a bad GUID": ("31111111-2222-4333-8444-555555555555", "31111111", "tenants[2].id: “31111111” is no GUID"),
    "a tenant twice": (
        "31111111-2222",
        "11111111-2222",
        "The tenant’s id “11111111-2222-4333-8444-555555555555” is there twice.",
    ),
    "a domain twice": ("[rook.example]", "[wren.example]", "The domain “wren.example” is there twice."),
    "an address twice": ("i.berg@wren.example", "jon@wren.example", "The address “jon@wren.example” is there twice."),
    "a name twice": ("      jon:", "      ida:", "“ida” stands twice in one mapping"),
    "an unverified domain of one’s own": (
        "{name: Jon Holm,",
        "{name: Jon Holm, upn: jon@wren-labs.example,",
        "people.jon.upn: “jon@wren-labs.example” is not in a verified domain",
    ),
    "a bad zone": (
        "time_zone: Europe/Paris",
        "time_zone: Europe/Pari",
        "tenants[1].time_zone: “Europe/Pari” is no time zone",
    ),
    "a bad flag": ("admin: true", "admin: 1", "people.jon.admin: this must be true or false, not a number."),
    "a bad date": ("2026-11-01", "soon", "tenants[1].ews.policy_date: this must be a date such as 2026-10-01"),
    "a listed application without an id": (
        "allowed_apps: [51111111-2222-4333-8444-555555555555]",
        "allowed_apps: [Helper]",
        "tenants[1].ews.allowed_apps: “Helper” is no GUID",
    ),
    "a bad switch": ("ews: false", "ews: perhaps", "people.kaj.ews: this must be true or false, not “perhaps”."),
    "calendars without a mailbox": (
        "aliases: [i.berg@wren.example]",
        "mailbox: false",
        "people.ida.calendars: calendars are in a mailbox",
    ),
    "an unknown permission": (
        "roles: [Calendars.Read]",
        "roles: [Calendar.Read]",
        "enterprise_applications[1].roles: “Calendar.Read” is not known. Did you mean “Calendars.Read”?",
    ),
    "an unknown scope": (
        "scopes: [User.Read,",
        "scopes: [User.Raed,",
        "grants[1].scopes: “User.Raed” is not known. Did you mean “User.Read”?",
    ),
    "a stranger in a policy": (
        "only: [ida]",
        "only: [ole]",
        "access_policy.only: “ole” is not one of the people of Wren, who are: ida, jon, kaj.",
    ),
    "an unknown application": (
        "application: Helper",
        "application: Halper",
        "enterprise_applications[1].application: “Halper” is not one of `applications`",
    ),
    "an unknown publisher": (
        "publisher: rook.example",
        "publisher: crow.example",
        "applications[2].publisher: “crow.example” is a verified domain of no tenant",
    ),
    "an unverified publisher domain": (
        "publisher: rook.example",
        "publisher: wren-labs.example",
        "applications[2].publisher: “wren-labs.example” is a verified domain of no tenant",
    ),
    "a bad redirect address": (
        '["${SIMULATOR_APP_REDIRECT_URI}"]\n  - client_id',
        '["/callback"]\n  - client_id',
        "applications[1].redirect_uris: “/callback” is no redirect address",
    ),
    "a missing certificate": (
        "    secrets:",
        "    certificates: [none.pem]\n    secrets:",
        "applications[2].certificates: ",
    ),
    "a secret of a public client": (
        "    secrets:",
        "    public: true\n    secrets:",
        "applications[2].public: a public client has neither secrets nor certificates.",
    ),
    "an entry twice": ("slug: song", "slug: tea", "calendar[2].slug: “tea” is another entry’s already"),
    "an unknown organiser": (
        "organizer: jon\n    date",
        "organizer: jan\n    date",
        "calendar[4].organizer: “jan” is neither one of the people nor “Name <address>”.",
    ),
    "an unknown weekday": ("days: [tue]", "days: [thy]", "calendar[2].days: “thy” is not known. Did you mean “thu”?"),
    "no time at all": (
        "days: weekdays, ",
        "",
        "calendar[1]: an entry says exactly one of `days`, `date` and `from_now`.",
    ),
    "a bad time": ('at: "15:00"', 'at: "25:00"', "calendar[1].at: “25:00” is no time of day"),
    "a response of nobody": ("responses: {jon:", "responses: {kaj:", "calendar[3].attendees: “kaj” is not among them."),
    "a bad response": ("jon: tentativelyAccepted", "jon: maybe", "calendar[3].responses.jon: “maybe” is not known."),
    "a bad pattern": (
        "unit: month, day_of_month: 31",
        "unit: week, day_of_month: 31",
        "calendar[4].repeats.day_of_month: this goes with `unit: month`",
    ),
    "two ends": ("times: 4", "times: 4, until: 30", "calendar[4].repeats.until: a series ends after so many"),
    "a change that changes nothing": (
        "{date: 3, removed: true}",
        "{date: 3}",
        "calendar[3].changes[2]: an occurrence is either `removed`",
    ),
    "changes of no series": (
        "slug: party,",
        "slug: party, changes: [{date: 1, removed: true}],",
        "calendar[5].changes: only a series",
    ),
    "an unknown calendar": (
        "calendar: Choir",
        "calendar: Chor",
        "calendar[2].calendar: the organiser has no calendar “Chor”",
    ),
    "a crowd of none": ("people: 2,", "people: 0,", "tenants[2].crowd.people: 0 is not between 1 and 50000."),
    "a list where a mapping belongs": ("      ole: {id", "      - {id", "people"),
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
@pytest.mark.usefixtures("_named_application")
def test_a_mistake_is_a_sentence_that_names_the_place(tmp_path: Path, mistake: str) -> None:
    old, new, sentence = MISTAKES[mistake]

    assert sentence in _refused(tmp_path, _changed(old, new))


@pytest.mark.usefixtures("_named_application")
def test_an_application_of_one_organization_is_put_into_no_other(tmp_path: Path) -> None:
    elsewhere = "    user_consent: not_allowed\n    enterprise_applications: [{application: In-house}]\n"

    said = _refused(tmp_path, _changed("    user_consent: not_allowed\n", elsewhere))

    assert "“In-house” is for the tenant of its publisher only" in said


@pytest.mark.usefixtures("_named_application")
def test_a_certificate_is_read_from_beside_the_seed(tmp_path: Path) -> None:
    key = certificates.private_key(tmp_path / "key.pem")
    certificate = certificates.self_signed(key, name="Helper", now=datetime.now(UTC))
    (tmp_path / "helper.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    seed = tmp_path / "seed.yaml"
    seed.write_text(_changed("    secrets:", "    certificates: [helper.pem]\n    secrets:"))

    helper = reading.read(seed).applications[1]

    assert [pem.strip() for pem in helper.certificates] == [(tmp_path / "helper.pem").read_text().strip()]


def test_the_least_that_a_seed_needs(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    least = """
        password: secret-1
        tenants: [{name: Tern, domains: [tern.example], people: {una: {name: Una Vik}}}]
    """
    seed.write_text(textwrap.dedent(least))

    once, again = reading.read(seed), reading.read(seed)

    (una,) = once.tenants[0].people
    assert (una.upn, una.mail, una.given_name, una.surname, una.mailbox) == (
        "una@tern.example",
        "una@tern.example",
        "Una",
        "Vik",
        "cloud",
    )
    assert once == again, "ids that are not written are the same every time"


def test_the_documented_format_of_before_is_still_read(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        textwrap.dedent(
            """
            password: old-1
            tenants:
              - id: 6f1d8c3a-2b7e-4c55-9a41-5d0e3b9c7f21
                name: Old
                domains: [old.example]
                people:
                  nora: {id: 5c4e1f07-2b60-4d59-8eee-6a7fcaa83d06, name: Nora Quist, mailbox: false}
                  otto: {id: 6d3f0a98-1c71-4e68-9fdd-7980dbb72e07, name: Otto Brandt, enabled: false}
                  erin:
                    id: 7e2a9b89-0d82-4f77-8acc-8891ecc61f08
                    name: Erin Walsh
                    upn: "erin_partner.example#EXT#@old.example"
                    mail: erin@partner.example
                    guest: true
                    mailbox: false
            applications:
              - client_id: 5a1e0c7d-3b64-4f0e-9d52-0c8e7b6a5f40
                name: Meridian
                publisher: old.example
                secret: "${NOT_SET}"
                redirect_uris: ["${NOT_SET}"]
            calendar:
              - {slug: now, subject: Now, organizer: otto, from_now: -20, minutes: 60}
              - {slug: two, subject: Two days, organizer: otto, days: [mon], week: odd, whole_days: 2, show_as: oof}
            """
        )
    )

    nora, otto, erin = reading.read(seed).tenants[0].people

    assert (nora.mailbox, nora.mail, nora.is_licensed) == ("none", None, False)
    assert (otto.is_enabled, otto.mailbox) == (False, "cloud")
    assert (erin.sign_in_name, erin.mail, erin.is_guest) == ("erin@partner.example", "erin@partner.example", True)
