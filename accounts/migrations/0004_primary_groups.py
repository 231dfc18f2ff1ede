"""Everybody's primary group is the one joined first, until another is chosen."""

from django.apps.registry import Apps as StateApps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Min


def choose_the_first(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    memberships = apps.get_model("accounts", "Membership").objects.using(schema_editor.connection.alias)
    first = memberships.values("user").annotate(first=Min("pk")).values("first")
    memberships.filter(pk__in=first).update(is_primary=True)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_three_levels")]
    operations = [migrations.RunPython(choose_the_first, migrations.RunPython.noop)]
