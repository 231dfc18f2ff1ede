"""The database itself refuses to change the audit log, whoever asks.

PostgreSQL refuses UPDATE and DELETE. TRUNCATE stays possible: only the owner of the table may use it, and the
tests empty the database by it.

SQLite refuses UPDATE. DELETE is refused there by the model alone: Django empties a SQLite database by plain
DELETE statements (`flush`), which a trigger cannot tell from any other. SQLite is for demonstrations and tests.

A later migration that alters a column of this table makes SQLite build the table anew, without the trigger: such
a migration must end by making it again. A test looks whether it is there.
"""

from django.apps.registry import Apps as StateApps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

POSTGRESQL = """
CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only: % refused.', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END;
$$;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit_log();
"""
POSTGRESQL_BACK = """
DROP TRIGGER audit_log_is_append_only ON accounts_auditentry;
DROP FUNCTION refuse_change_of_audit_log();
"""
SQLITE = """
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE ON accounts_auditentry
BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: UPDATE refused.'); END
"""
SQLITE_BACK = "DROP TRIGGER audit_log_is_append_only"


def protect(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE, params=None)


def unprotect(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(
        POSTGRESQL_BACK if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK, params=None
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(protect, unprotect)]
