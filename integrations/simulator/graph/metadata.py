"""`$metadata`: Graph describes itself there in XML, which nobody here reads."""

from __future__ import annotations

from integrations.simulator.graph import errors
from integrations.simulator.graph.asking import Asking
from integrations.simulator.graph.replies import Reply


def show(asking: Asking) -> Reply:
    raise errors.not_simulated("$metadata")
