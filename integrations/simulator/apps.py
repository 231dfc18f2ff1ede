from __future__ import annotations

from django.apps import AppConfig


class SimulatorConfig(AppConfig):
    name = "integrations.simulator"
    label = "simulator"
    verbose_name = "Simulated Microsoft 365"
    default_auto_field = "django.db.models.BigAutoField"
