"""The grace becomes a setting: what is blocked keeps the day until which its tokens are kept."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import migrations, models
from django.db.models import F


def promise_seven_days(apps: Any, schema_editor: Any) -> None:
    """What is blocked already was promised seven days."""
    connections = apps.get_model("integrations", "Connection").objects.using(schema_editor.connection.alias)
    blocked = connections.filter(state="blocked_by_policy", kept_until=None)
    blocked.update(kept_until=F("since_at") + datetime.timedelta(days=7))


class Migration(migrations.Migration):
    dependencies = [("integrations", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="kept_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="connection",
            index=models.Index(
                "kept_until",
                condition=models.Q(("kept_until__isnull", False)),
                name="connections_kept_for_a_while",
            ),
        ),
        migrations.RunPython(promise_seven_days, migrations.RunPython.noop, elidable=True),
    ]
