"""What was simulated before cannot be carried over, and need not: the next start plants the seed again."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Children first.
EMPTIED = (
    "RefreshToken",
    "AuthorizationCode",
    "BrowserSession",
    "Calendar",
    "AppSecret",
    "Application",
    "Person",
    "Domain",
    "Tenant",
)


def forget_all(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """In plain SQL: what is to be cascaded to has no tables any more."""
    for name in EMPTIED:
        table = apps.get_model("simulator", name)._meta.db_table
        schema_editor.execute(f"DELETE FROM {schema_editor.quote_name(table)}")


class Migration(migrations.Migration):
    dependencies = [("simulator", "0001_initial")]

    operations = [
        migrations.DeleteModel("Event"),
        migrations.DeleteModel("Grant"),
        migrations.DeleteModel("Fault"),
        migrations.RunPython(forget_all, migrations.RunPython.noop),
    ]
