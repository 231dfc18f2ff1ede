"""The audit log may forget a person, and nothing else.

One UPDATE is allowed: names and fields of `before` and `after` become their masks, and `masked_at` says when. An
entry may name two people, so it can happen twice; a mask is never lifted. PostgreSQL compares the whole row, so that
it covers columns to come. SQLite has to name each one: a migration that adds a column, or makes SQLite build the
table anew, must end by making the trigger again (`allow_masking`). A test tries every column.

Older entries are told whom they are about, and at which level, while no trigger looks.
"""

from importlib import import_module

from django.apps.registry import Apps as StateApps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BigIntegerField, CharField, F
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

first = import_module("accounts.migrations.0002_audit_is_append_only")

POSTGRESQL = """
CREATE FUNCTION is_masked_or_same(before jsonb, after jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF before IS NOT DISTINCT FROM after THEN
        RETURN true;
    ELSIF jsonb_typeof(before) IS DISTINCT FROM 'object' OR jsonb_typeof(after) IS DISTINCT FROM 'object' THEN
        RETURN false;
    END IF;
    RETURN NOT EXISTS (
        SELECT 1 FROM jsonb_each(before) AS old FULL JOIN jsonb_each(after) AS new USING (key)
        WHERE old.value IS DISTINCT FROM new.value
        AND (old.value IS NULL OR new.value IS NULL OR new.value NOT IN ('"masked"', '"a deleted person"'))
    );
END;
$$;
CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    maskable CONSTANT text[] := ARRAY['actor_name', 'target_name', 'before', 'after', 'masked_at'];
BEGIN
    IF TG_OP = 'UPDATE'
        AND NEW.masked_at IS NOT NULL
        AND to_jsonb(NEW) - maskable = to_jsonb(OLD) - maskable
        AND NEW.actor_name IN (OLD.actor_name, 'a deleted person')
        AND NEW.target_name IN (OLD.target_name, 'a deleted person')
        AND is_masked_or_same(OLD.before, NEW.before)
        AND is_masked_or_same(OLD.after, NEW.after)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only: % refused.', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END;
$$;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit_log();
"""
POSTGRESQL_BACK = first.POSTGRESQL_BACK + "DROP FUNCTION is_masked_or_same(jsonb, jsonb);"

KEPT = (
    "id account_id at actor_id action target_kind target_id level setting_key reason affected about_id".split()
)
IS_MASKED_OR_SAME = """
(NEW."{0}" IS OLD."{0}" OR (
    json_type(OLD."{0}") IS 'object' AND json_type(NEW."{0}") IS 'object'
    AND (SELECT COUNT(*) FROM json_each(NEW."{0}")) = (SELECT COUNT(*) FROM json_each(OLD."{0}"))
    AND NOT EXISTS (
        SELECT 1 FROM json_each(OLD."{0}") AS old LEFT JOIN json_each(NEW."{0}") AS new ON new.key = old.key
        WHERE new.key IS NULL
        OR NOT (new.value IS old.value AND new.type = old.type)
        AND NOT (new.type = 'text' AND new.value IN ('masked', 'a deleted person'))
    )
))
"""
# COALESCE: what is unknown is refused.
SQLITE = f"""
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE ON accounts_auditentry
WHEN NOT COALESCE(
    NEW.masked_at IS NOT NULL
    AND {" AND ".join(f'NEW."{name}" IS OLD."{name}"' for name in KEPT)}
    AND NEW.actor_name IN (OLD.actor_name, 'a deleted person')
    AND NEW.target_name IN (OLD.target_name, 'a deleted person')
    AND {IS_MASKED_OR_SAME.format("before")}
    AND {IS_MASKED_OR_SAME.format("after")}
, 0)
BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: UPDATE refused.'); END
"""
# The columns of 0003 made SQLite build the table anew, without its trigger.
SQLITE_BACK = "DROP TRIGGER IF EXISTS audit_log_is_append_only"


def tell_older_entries(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _execute(schema_editor, first.POSTGRESQL_BACK, SQLITE_BACK)
    entries = apps.get_model("accounts", "AuditEntry").objects.using(schema_editor.connection.alias)
    for level in ("account", "group", "user"):
        entries.filter(target_kind=level).update(level=level)
    entries.filter(target_kind="user").update(about_id=Cast("target_id", BigIntegerField()))
    key = Coalesce(KT("after__setting"), KT("before__setting"), output_field=CharField())
    entries.filter(action__startswith="setting.").annotate(key=key).exclude(key=None).update(setting_key=F("key"))


def allow_masking(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _execute(schema_editor, POSTGRESQL, SQLITE)


def allow_nothing(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _execute(schema_editor, POSTGRESQL_BACK, SQLITE_BACK)
    _execute(schema_editor, first.POSTGRESQL, first.SQLITE)


def _execute(schema_editor: BaseDatabaseSchemaEditor, postgresql: str, sqlite: str) -> None:
    schema_editor.execute(postgresql if schema_editor.connection.vendor == "postgresql" else sqlite, params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_primary_groups")]
    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["account", "action", "-at", "-id"], name="audit_by_action"),
        ),
        migrations.RunPython(tell_older_entries, migrations.RunPython.noop),
        migrations.RunPython(allow_masking, allow_nothing),
    ]
