"""A seed file, read and checked. No database here."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from integrations.simulator.seeds import applications, directory, entries
from integrations.simulator.seeds.applications import Registry
from integrations.simulator.seeds.cast import Cast
from integrations.simulator.seeds.fields import Fields, fields
from integrations.simulator.seeds.seed import BadSeed, Meeting, Seed, SeedApplication, SeedTenant

__all__ = ["BUNDLED", "BadSeed", "Seed", "read"]

BUNDLED = Path(__file__).parent / "kestrel.yaml"
_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)(?::-([^}]*))?\}")


def read(path: Path) -> Seed:
    try:
        data = yaml.load(_with_environment(path.read_text(encoding="utf-8")), _Loader)  # noqa: S506
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise BadSeed(f"The seed {path} cannot be read: {reason}.") from problem
    except RecursionError:
        raise BadSeed(f"The seed {path} is nested too deep.") from None
    except (yaml.YAMLError, ValueError) as problem:
        raise BadSeed(f"The seed {path} is not valid YAML: {' '.join(str(problem).split())}") from problem
    try:
        with fields(data, "") as top:
            return _seed(top, path.absolute().parent)
    except BadSeed as problem:
        raise BadSeed(f"The seed {path} does not make sense. {str(problem).lstrip(':. ')}") from None


class _Loader(yaml.SafeLoader):
    """A name that stands twice in a mapping is an error, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for name in names:
            if names.count(name) > 1 and name != "<<":
                raise yaml.MarkedYAMLError(None, None, f"“{name}” stands twice in one mapping", node.start_mark)
        return super().construct_mapping(node, deep)


def _with_environment(text: str) -> str:
    """`${NAME}` and `${NAME:-otherwise}`, as shells have them; an unset name is empty."""
    return _VARIABLE.sub(lambda match: os.environ.get(match[1]) or match[2] or "", text)


def _seed(top: Fields, beside: Path) -> Seed:
    password = top.text("password")
    tenants = top.each("tenants", lambda one: directory.tenant(one, password))
    if not tenants:
        raise top.wrong("", "`tenants` names one organization at least.")
    _check_tenants(tenants)
    apps = top.each("applications", lambda one: applications.application(one, tenants, beside))
    _check_applications(apps)
    cast, registry = Cast(tenants), Registry(apps)
    return Seed(
        password=password,
        tenants=list(_with_enterprises(top, tenants, registry, cast)),
        applications=apps,
        meetings=_meetings(top, cast),
    )


def _with_enterprises(
    top: Fields, tenants: Sequence[SeedTenant], registry: Registry, cast: Cast
) -> Iterator[SeedTenant]:
    for number, (tenant, data) in enumerate(zip(tenants, top.many("tenants"), strict=True), start=1):
        listed = data.get("enterprise_applications") or []
        found = applications.enterprises(listed, f"tenants[{number}]", tenant, registry, cast)
        yield replace(tenant, enterprises=found)


def _meetings(top: Fields, cast: Cast) -> list[Meeting]:
    found: list[tuple[Fields, Meeting]] = []

    def read_one(data: Fields) -> Meeting:
        one = entries.meeting(data, cast)
        found.append((data, one))
        return one

    meetings = top.each("calendar", read_one)
    entries.check_slugs(found)
    return meetings


def _check_tenants(tenants: Sequence[SeedTenant]) -> None:
    people = [person for tenant in tenants for person in tenant.people]
    _once("tenant’s id", (str(tenant.tid) for tenant in tenants))
    _once("domain", (domain.name for tenant in tenants for domain in tenant.domains))
    _once("person’s id", (str(person.oid) for person in people))
    _once("user name", (person.upn.lower() for person in people))
    _once("address to sign in with", (person.sign_in_name for person in people))
    # A guest's address is somebody's own elsewhere; no mail is delivered to it here.
    held = [(one.mail or "", *one.aliases) for one in people if not one.is_guest]
    _once("address", (address.lower() for addresses in held for address in addresses if address))


def _check_applications(apps: Sequence[SeedApplication]) -> None:
    _once("client id", (str(app.client_id) for app in apps))
    _once("application’s name", (app.name for app in apps))


def _once(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise BadSeed(f"The {what} “{value}” is there twice.")
        seen.add(value)
