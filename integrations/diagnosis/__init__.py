"""Why a connection works or does not, and the one thing that helps. Nothing here asks Microsoft but a worker."""

from __future__ import annotations

from integrations.diagnosis.case import Case, read
from integrations.diagnosis.help import Help, helps
from integrations.diagnosis.model import Mark, Part, Step
from integrations.diagnosis.steps import steps

__all__ = ["Case", "Help", "Mark", "Part", "Step", "helps", "read", "steps"]
