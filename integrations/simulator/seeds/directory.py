"""The tenants of a seed file: their domains, settings, people, and what lies in people's mailboxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import NAMESPACE_DNS, UUID, uuid5

from integrations.simulator.seeds.fields import Fields, fields
from integrations.simulator.seeds.seed import (
    SeedCalendar,
    SeedContact,
    SeedDomain,
    SeedEws,
    SeedPerson,
    SeedTenant,
)

USER_CONSENT = ("allowed", "verified_publishers", "not_allowed")
MAILBOXES = ("cloud", "on_premises", "none")
# fmt: off
COLORS = (
    "auto", "lightBlue", "lightGreen", "lightOrange", "lightGray", "lightYellow", "lightTeal", "lightPink",
    "lightBrown", "lightRed",
)
# fmt: on


def tenant(data: Fields, password: str) -> SeedTenant:
    """Without its enterprise applications: they name people and applications, which must all be known first."""
    data.take("enterprise_applications", None)
    domains = _domains(data)
    tid = data.guid("id", uuid5(NAMESPACE_DNS, domains[0].name))
    zone = data.zone("time_zone", "UTC")
    return SeedTenant(
        tid=tid,
        name=data.text("name", longest=120),
        user_consent=data.one_of("user_consent", USER_CONSENT, "allowed"),
        has_consent_workflow=data.flag("consent_workflow"),
        strict_rotation=data.flag("strict_rotation"),
        domains=domains,
        people=_people(data, tid, domains, zone, password),
        enterprises=(),
        ews=data.under("ews", _ews) or SeedEws(),
    )


def _ews(data: Fields) -> SeedEws:
    listed = data.texts("allowed_apps") if "allowed_apps" in data else data.take("allowed_apps", None)
    return SeedEws(
        enabled=data.optional_flag("enabled"),
        allowed_app_ids=None if listed is None else [data.must_be_guid("allowed_apps", one) for one in listed],
        policy_date=data.optional_date("policy_date"),
    )


def _domains(data: Fields) -> list[SeedDomain]:
    """The first one is the initial domain, from which people have their names."""
    found = []
    for number, one in enumerate(data.many("domains"), start=1):
        if isinstance(one, dict):
            with fields(one, f"{data.place}.domains[{number}]") as inner:
                name = inner.domain("name", inner.text("name"))
                found.append(SeedDomain(name, inner.flag("verified", True)))
        else:
            found.append(SeedDomain(data.domain("domains", str(one))))
    if not found:
        raise data.wrong("domains", "a tenant has at least one domain.")
    if not found[0].is_verified:
        raise data.wrong("domains", "the first one is the initial domain, which is always verified.")
    return found


def _people(data: Fields, tid: UUID, domains: list[SeedDomain], zone: str, password: str) -> list[SeedPerson]:
    found = []
    for key, about in data.named("people").items():
        with fields(about, f"{data.place}.people.{key}") as inner:
            found.append(_person(inner, key, tid, domains, zone, password))
    crowd = data.under("crowd", lambda inner: list(_crowd(inner, tid, domains, zone, password)))
    return found + (crowd or [])


def _person(data: Fields, key: str, tid: UUID, domains: list[SeedDomain], zone: str, password: str) -> SeedPerson:
    upn = data.email("upn", f"{key}@{domains[0].name}")
    is_guest = data.flag("guest")
    if upn.rpartition("@")[2].lower() not in {domain.name for domain in domains if domain.is_verified}:
        raise data.wrong("upn", f"“{upn}” is not in a verified domain of this tenant.")
    address = data.email("mail", upn)
    mailbox = _mailbox(data, is_guest)
    name = data.text("name")
    return SeedPerson(
        key=key,
        oid=data.guid("id", uuid5(tid, key)),
        upn=upn,
        sign_in_name=(address if is_guest else upn).lower(),
        mail=address if mailbox != "none" or is_guest else None,
        aliases=[data.must_be_email("aliases", one) for one in data.texts("aliases")],
        name=name,
        given_name=data.text("given_name", name.split()[0], longest=100),
        surname=data.text("surname", name.partition(" ")[2], longest=100),
        job_title=data.optional_text("title", longest=100),
        office=data.optional_text("office", longest=100),
        phone=data.optional_text("phone", longest=40),
        time_zone=data.zone("time_zone", zone),
        is_guest=is_guest,
        is_admin=data.flag("admin"),
        is_enabled=data.flag("enabled", True),
        is_licensed=data.flag("licensed", mailbox != "none"),
        mailbox=mailbox,
        password=data.text("password", password),
        needs_mfa=data.flag("mfa"),
        is_blocked=data.flag("blocked"),
        ews_enabled=data.optional_flag("ews"),
        may_impersonate=data.flag("impersonation"),
        groups=data.texts("groups"),
        calendars=_calendars(data, mailbox),
        contacts=data.each("contacts", _contact),
    )


def _mailbox(data: Fields, is_guest: bool) -> str:
    """`true` and `false` say cloud and none; guests have theirs at home."""
    found = data.take("mailbox", not is_guest)
    if isinstance(found, bool):
        return "cloud" if found else "none"
    return data.must_be_one_of("mailbox", str(found), MAILBOXES)


def _calendars(data: Fields, mailbox: str) -> list[SeedCalendar]:
    found = []
    for number, one in enumerate(data.many("calendars"), start=1):
        with fields(one if isinstance(one, dict) else {"name": one}, f"{data.place}.calendars[{number}]") as inner:
            found.append(SeedCalendar(inner.text("name", longest=120), inner.one_of("color", COLORS, "auto")))
    names = [one.name for one in found]
    if found and mailbox == "none":
        raise data.wrong("calendars", "calendars are in a mailbox, and this person has none.")
    if len({"Calendar", *names}) != len(names) + 1:
        raise data.wrong(
            "calendars", "two calendars of a person have different names, and “Calendar” is the first one."
        )
    return found


def _contact(data: Fields) -> SeedContact:
    name = data.text("name")
    return SeedContact(
        name=name,
        given_name=data.text("given_name", name.partition(" ")[0], longest=100),
        surname=data.text("surname", name.partition(" ")[2], longest=100),
        emails=[data.must_be_email("emails", one) for one in data.texts("emails")],
        phones=data.texts("phones"),
        mobile=data.optional_text("mobile", longest=40),
        company=data.optional_text("company"),
        job_title=data.optional_text("title", longest=100),
    )


def _crowd(data: Fields, tid: UUID, domains: list[SeedDomain], zone: str, password: str) -> Iterator[SeedPerson]:
    """Many mailboxes, each with many events: for load, not for looking at."""
    events = data.number("events", 0, most=10_000)
    for number in range(1, data.number("people", least=1, most=50_000) + 1):
        about = {"name": f"Crowd {number:03d}", "title": "One of many"}
        with fields(about, f"{data.place}[{number}]") as inner:
            yield replace(_person(inner, f"crowd-{number:03d}", tid, domains, zone, password), events=events)
