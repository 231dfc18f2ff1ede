from __future__ import annotations

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = "Integrations"

    def ready(self) -> None:
        """Tell the ground floor what we declare, and fill its openings."""
        from accounts import openings
        from accounts.cascade import declare
        from accounts.cascade.write import decided, placed
        from integrations import banners, consequences, disconnecting, panels
        from integrations.organization import checklist, hearing, showing
        from integrations.preferences import Integrations

        declare.register(Integrations)
        openings.account_navigation.append(openings.NavigationItem("Connections", "connections", "plug", order=10))
        openings.account_navigation.append(openings.NavigationItem("Organizations", "organizations", "key", order=20))
        openings.person_panels.append(panels.on_profile)
        openings.person_admin_panels.append(panels.on_person)
        openings.banners.append(banners.on_own_connection)
        openings.consequences.append(consequences.connections)
        openings.gates.append(checklist.gate)
        openings.row_panels["integrations.enabled"] = panels.on_enabled_row
        openings.row_panels["integrations.services"] = showing.on_services_row
        openings.on_leaving.append(disconnecting.leave)
        decided.connect(panels.settings_changed, dispatch_uid="integrations")
        placed.connect(panels.people_placed, dispatch_uid="integrations")
        decided.connect(hearing.settings_changed, dispatch_uid="organizations")
        placed.connect(hearing.people_placed, dispatch_uid="organizations")
        openings.on_arriving.append(hearing.changed)
        openings.domains_changed.append(hearing.changed)
        openings.domain_consequences.append(hearing.would_leave)
