from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The top floor: commands that need every floor below (such as `seed_demo`) live here."""

    name = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        # Whoever starts a task, a web process or a command, needs the application that knows the broker.
        from config import celery  # noqa: F401
