from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.cascade import declare
from tests.accounts.settings.quiet import Quiet


@pytest.fixture
def quiet() -> Iterator[type[Quiet]]:
    """The section is declared for the time of one test."""
    declare.register(Quiet)
    yield Quiet
    declare._sections.remove(Quiet)
