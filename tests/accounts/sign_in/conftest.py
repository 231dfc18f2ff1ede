from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest


@pytest.fixture
def letters(django_capture_on_commit_callbacks: Callable[..., Any]) -> Callable[[], AbstractContextManager[Any]]:
    """`with letters():` lets letters go out, which wait for the end of the transaction."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
