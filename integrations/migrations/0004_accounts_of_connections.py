from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill(apps: Any, schema_editor: Any) -> None:
    people = apps.get_model("accounts", "User").objects.filter(pk=OuterRef("user_id"))
    connections = apps.get_model("integrations", "Connection").objects.filter(account=None)
    connections.update(account_id=Subquery(people.values("account_id")))


class Migration(migrations.Migration):
    """A migration of its own: PostgreSQL does not change rows and columns of one table in one transaction."""

    dependencies = [("integrations", "0003_connections_that_last")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
