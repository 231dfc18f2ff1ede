"""Stored choices of *Services and permissions* get the address by which EWS is spoken."""

from typing import Any

from django.db import migrations

KEY = "integrations.services"
FIELD = "ews_url"


def add(apps: Any, schema_editor: Any) -> None:
    decisions = apps.get_model("accounts", "SettingDecision").objects.filter(key=KEY)
    for decision in decisions.iterator():
        if FIELD not in decision.value:
            whole = decision.value | {FIELD: ""}
            decisions.filter(pk=decision.pk).update(value={name: whole[name] for name in sorted(whole)})


def take_away(apps: Any, schema_editor: Any) -> None:
    decisions = apps.get_model("accounts", "SettingDecision").objects.filter(key=KEY)
    for decision in decisions.iterator():
        rest = {name: held for name, held in decision.value.items() if name != FIELD}
        decisions.filter(pk=decision.pk).update(value=rest)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_associated_domains"),
        ("integrations", "0008_exchange_web_services"),
    ]

    operations = [migrations.RunPython(add, take_away)]
