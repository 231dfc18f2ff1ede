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
        from integrations import banners, consequences, disconnecting, panels, prompt_listing, prompting
        from integrations.exchange import servers, settings_row, typed
        from integrations.leaving_ews import pasts, wanted
        from integrations.organization import checklist, hearing, rows, showing
        from integrations.preferences import Integrations, address_rules

        declare.register(Integrations)
        address_rules.append(typed.address)
        openings.account_navigation.append(openings.NavigationItem("Connections", "connections", "plug", order=10))
        openings.account_navigation.append(openings.NavigationItem("Organizations", "organizations", "key", order=20))
        openings.account_navigation.append(
            openings.NavigationItem("Exchange servers", "exchange_servers", "server", order=30)
        )
        openings.account_navigation.append(openings.NavigationItem("EWS retirement", "ews", "clock", order=40))
        openings.person_panels.append(panels.on_profile)
        openings.person_admin_panels.append(panels.on_person)
        openings.banners.append(banners.on_own_connection)
        openings.consequences.append(consequences.connections)
        openings.gates.append(checklist.gate)
        openings.gates.append(settings_row.gate)
        openings.row_panels["integrations.enabled"] = panels.on_enabled_row
        openings.row_cautions["integrations.services"] = settings_row.caution
        openings.row_panels["integrations.services"] = showing.on_services_row
        openings.row_panels["integrations.sso_prompt"] = prompt_listing.on_row
        openings.row_cautions["integrations.sso_prompt"] = prompt_listing.caution
        openings.after_single_sign_on.append(prompting.after_single_sign_on)
        openings.on_leaving.append(disconnecting.leave)
        # Before the settings are laid on anybody: who may stay meanwhile.
        decided.connect(wanted.settings_changed, dispatch_uid="leaving EWS")
        placed.connect(wanted.people_placed, dispatch_uid="leaving EWS")
        decided.connect(panels.settings_changed, dispatch_uid="integrations")
        placed.connect(panels.people_placed, dispatch_uid="integrations")
        decided.connect(hearing.settings_changed, dispatch_uid="organizations")
        decided.connect(servers.settings_changed, dispatch_uid="exchange servers")
        placed.connect(hearing.people_placed, dispatch_uid="organizations")
        rows.replaced.append(pasts.keep)
        openings.on_arriving.append(hearing.changed)
        openings.domains_changed.append(hearing.changed)
        openings.domain_consequences.append(hearing.would_leave)
