"""Each import contract is broken on purpose, in a copy of the house, and has to be seen broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FLOORS = ("config", "calendaring", "integrations", "accounts")
CONTRACTS: dict[str, dict[str, Any]] = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def file_of(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


# Contract, where the house is damaged, and with what.
DAMAGES = [
    ("floors", "accounts/models.py", "import integrations.models"),
    ("floors", "accounts/models.py", "import calendaring.apps"),
    ("floors", "integrations/models.py", "import calendaring.apps"),
    ("floors", "calendaring/apps.py", "import config.settings"),
    *[("rules", file_of(module), "import django.db") for module in CONTRACTS["rules"]["source_modules"]],
    ("rules", "integrations/failures.py", "import celery"),
    ("rules", "integrations/failures.py", "import requests"),
    ("rules", "integrations/failures.py", "import msal"),
    ("contract", "calendaring/apps.py", "import integrations.microsoft"),
    ("contract", "calendaring/apps.py", "import msal"),
    ("contract", "calendaring/apps.py", "import requests"),
    ("ews", "integrations/access.py", "from integrations.microsoft.ews import probing"),
    ("ews", "integrations/exchange/identity.py", "import integrations.microsoft.ews.wire"),
    ("ews-library", "integrations/exchange/mailboxes.py", "import exchangelib"),
    ("stranger-in", "integrations/models.py", "import integrations.simulator.models"),
    ("stranger-in", "config/urls.py", "from integrations.simulator import settings"),
    ("stranger-out", "integrations/simulator/place.py", "import accounts.models"),
    ("stranger-out", "integrations/simulator/graph/users.py", "from accounts import vault"),
]
# The modules of rules that house and issues name, those to come included.
RULES = {
    "accounts.cascade.changes",
    "accounts.cascade.decide",
    "accounts.cascade.declare",
    "accounts.domain_names",
    "accounts.single_sign_on.deciding",
    "integrations.domains",
    "integrations.policy",
    "integrations.prompt_rules",
    "integrations.failures",
    "integrations.aadsts",
    "integrations.ews_addresses",
    "integrations.ews_failures",
    "integrations.exchange.identity",
    "integrations.exchange.retirement",
    "integrations.capabilities",
    "integrations.contracts",
    "integrations.organization.matching",
    "integrations.organization.needs",
    "integrations.organization.permissions",
    "calendaring.merge",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for floor in FLOORS:
        unneeded = shutil.ignore_patterns("__pycache__", "static", "templates")
        shutil.copytree(ROOT / floor, tmp_path / floor, ignore=unneeded)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def inspect(house: Path, contract: str) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--contract", contract],
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_house_as_it_stands_keeps_its_contract(house: Path, contract: str) -> None:
    report = inspect(house, contract)

    assert report.returncode == 0, report.stdout
    assert "1 kept, 0 broken" in report.stdout


@pytest.mark.parametrize(("contract", "module", "damage"), DAMAGES)
def test_an_import_that_breaks_a_contract_is_found(house: Path, contract: str, module: str, damage: str) -> None:
    with (house / module).open("a") as source:
        source.write(f"\n{damage}\n")

    report = inspect(house, contract)

    assert report.returncode == 1, report.stdout
    assert "0 kept, 1 broken" in report.stdout


def test_whatever_the_stranger_imports_is_found(house: Path) -> None:
    siblings = CONTRACTS["stranger-out"]["forbidden_modules"]
    with (house / "integrations/simulator/place.py").open("a") as source:
        source.writelines(f"\nimport {module}\n" for module in siblings)

    report = inspect(house, "stranger-out")

    unnoticed = [module for module in siblings if f"integrations.simulator.place -> {module} (" not in report.stdout]
    assert unnoticed == []


def test_every_contract_is_broken_by_some_test() -> None:
    assert {contract for contract, _, _ in DAMAGES} == set(CONTRACTS)


def test_every_sibling_of_the_stranger_is_named() -> None:
    """Naming the parent package is not enough: a violating import would be reported as kept."""
    siblings = {
        f"integrations.{path.stem}"
        for path in (ROOT / "integrations").iterdir()
        if path.stem not in {"__init__", "__pycache__", "simulator"} and (path.suffix == ".py" or path.is_dir())
    }

    assert {*siblings, "accounts", "calendaring", "config"} == set(CONTRACTS["stranger-out"]["forbidden_modules"])


def test_every_module_of_rules_that_exists_is_named() -> None:
    existing = {module for module in RULES if (ROOT / file_of(module)).exists()}

    assert existing == set(CONTRACTS["rules"]["source_modules"])


def test_every_floor_is_inspected() -> None:
    """An application that no contract knows would be free of all of them."""
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}

    assert packages == set(FLOORS)
