from __future__ import annotations

from django.apps import AppConfig


class CalendaringConfig(AppConfig):
    name = "calendaring"
    verbose_name = "Calendaring"

    def ready(self) -> None:
        from accounts import openings
        from accounts.cascade import declare
        from calendaring.preferences import DataSync

        declare.register(DataSync)
        item = openings.NavigationItem(label="Meetings", url_name="meetings", icon="calendar", order=20)
        openings.navigation.append(item)
