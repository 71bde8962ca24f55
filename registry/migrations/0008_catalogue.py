import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import work.clock

RULES = """
-- Packets and agents rest on what a published contract said.
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON registry_datacontract
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
ALTER TABLE registry_datacontract ENABLE ALWAYS TRIGGER frozen;
CREATE TRIGGER only_people BEFORE INSERT ON registry_datacontract
    FOR EACH ROW EXECUTE FUNCTION accounts_only_people('published_by_id');

CREATE FUNCTION registry_newest_contract() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE newest text;
BEGIN
    SELECT version INTO newest FROM registry_datacontract WHERE source_id = NEW.id ORDER BY number DESC LIMIT 1;
    IF newest IS NOT NULL AND NEW.contract_version <> newest THEN
        RAISE EXCEPTION 'the contract of % is its newest published one, %', NEW.slug, newest
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER newest_contract BEFORE UPDATE OF contract_version ON registry_datasource
    FOR EACH ROW EXECUTE FUNCTION registry_newest_contract();

-- The lock is shared by all who add a link, so that two links added at once see each other.
CREATE FUNCTION registry_no_lineage_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('registry_sourcelink'));
    IF EXISTS (
        WITH RECURSIVE below(id) AS (
            SELECT NEW.downstream_id
            UNION SELECT l.downstream_id FROM registry_sourcelink l JOIN below ON l.upstream_id = below.id
        ) SELECT FROM below WHERE id = NEW.upstream_id
    ) THEN
        RAISE EXCEPTION 'this link would make the data sources feed each other in a circle'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER no_cycle BEFORE INSERT OR UPDATE ON registry_sourcelink
    FOR EACH ROW EXECUTE FUNCTION registry_no_lineage_cycle();
"""
BACK = """
DROP TRIGGER frozen ON registry_datacontract;
DROP TRIGGER only_people ON registry_datacontract;
DROP TRIGGER newest_contract ON registry_datasource;
DROP FUNCTION registry_newest_contract();
DROP TRIGGER no_cycle ON registry_sourcelink;
DROP FUNCTION registry_no_lineage_cycle();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0007_retired_agents"),
        ("accounts", "0003_only_people_decide"),
        ("ledger", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DataContract",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("version", models.CharField(max_length=50)),
                ("note", models.CharField(blank=True, max_length=300)),
                (
                    "format",
                    models.CharField(
                        choices=[
                            ("fields", "List of fields"),
                            ("json_schema", "JSON Schema"),
                            ("odcs", "Open Data Contract Standard"),
                        ],
                        max_length=20,
                    ),
                ),
                ("fields", models.JSONField()),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("published_at", models.DateTimeField(default=work.clock.now)),
            ],
            options={
                "ordering": ["-number"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SourceLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("note", models.CharField(blank=True, max_length=200)),
                ("added_at", models.DateTimeField(default=work.clock.now)),
            ],
            options={
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="datasource",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="registry.datasource",
            ),
        ),
        migrations.AddField(
            model_name="datasource",
            name="never_leaves",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=200), blank=True, default=list, size=30
            ),
        ),
        migrations.AddField(
            model_name="tool",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="registry.tool",
            ),
        ),
        migrations.AddConstraint(
            model_name="datasource",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into", None),
                    models.Q(("retired_at__isnull", False), models.Q(("merged_into", models.F("id")), _negated=True)),
                    _connector="OR",
                ),
                name="merged_source_is_retired",
            ),
        ),
        migrations.AddConstraint(
            model_name="tool",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into", None),
                    models.Q(("retired_at__isnull", False), models.Q(("merged_into", models.F("id")), _negated=True)),
                    _connector="OR",
                ),
                name="merged_tool_is_retired",
            ),
        ),
        migrations.AddField(
            model_name="datacontract",
            name="published_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="datacontract",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="contracts", to="registry.datasource"
            ),
        ),
        migrations.AddField(
            model_name="sourcelink",
            name="added_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="sourcelink",
            name="downstream",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="fed_by", to="registry.datasource"
            ),
        ),
        migrations.AddField(
            model_name="sourcelink",
            name="upstream",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="feeds", to="registry.datasource"
            ),
        ),
        migrations.AddConstraint(
            model_name="datacontract",
            constraint=models.UniqueConstraint(fields=("source", "number"), name="contract_number_is_the_sources"),
        ),
        migrations.AddConstraint(
            model_name="datacontract",
            constraint=models.UniqueConstraint(fields=("source", "version"), name="contract_version_is_published_once"),
        ),
        migrations.AddConstraint(
            model_name="datacontract",
            constraint=models.CheckConstraint(
                condition=models.Q(("version", ""), _negated=True), name="contract_names_its_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="datacontract",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="contract_digest_is_sha256"
            ),
        ),
        migrations.AddConstraint(
            model_name="sourcelink",
            constraint=models.UniqueConstraint(fields=("upstream", "downstream"), name="one_link_a_pair"),
        ),
        migrations.AddConstraint(
            model_name="sourcelink",
            constraint=models.CheckConstraint(
                condition=models.Q(("upstream", models.F("downstream")), _negated=True),
                name="link_is_to_another_source",
            ),
        ),
        migrations.RunSQL(RULES, BACK),
    ]
