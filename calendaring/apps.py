from __future__ import annotations

from django.apps import AppConfig


class CalendaringConfig(AppConfig):
    name = "calendaring"
    verbose_name = "Calendaring"

    def ready(self) -> None:
        from accounts import openings
        from accounts.cascade import declare
        from calendaring import writing
        from calendaring.preferences import DataSync
        from integrations.organization import wanted

        declare.register(DataSync)
        wanted.writers.append(writing.is_on_for_anybody)
        item = openings.NavigationItem(label="Meetings", url_name="meetings", icon="calendar", order=20)
        openings.navigation.append(item)
