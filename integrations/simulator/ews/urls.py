"""The same on both servers; Exchange does not mind how the path is spelt."""

from __future__ import annotations

from django.urls import re_path

from integrations.simulator.ews import asmx, autodiscover

urlpatterns = [
    re_path(r"^(?i:ews/exchange\.asmx)$", asmx.exchange),
    re_path(
        r"^(?i:autodiscover/autodiscover\.json)(?:/(?:(?i:v1\.0)/)?(?P<address>[^/]+@[^/]+))?/?$", autodiscover.find
    ),
]
