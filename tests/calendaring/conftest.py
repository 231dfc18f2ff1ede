from __future__ import annotations

from tests.integrations.wired import microsoft

__all__ = ["microsoft"]
