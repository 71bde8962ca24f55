import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FROZEN = ("signedsource", "signedtool", "signedcard")
DOCUMENT = "convert_from(r.document, 'UTF8')::jsonb"
# What nobody kept before (who owned an entry, of which day its data was) is taken as it is now: a change from now on shows.
SOURCES = f"""SELECT DISTINCT ON (r.id, s.id) r.id, s.id, g #>> '{{source,name}}',
    CASE jsonb_typeof(g #> '{{source,classification}}') WHEN 'string' THEN g #>> '{{source,classification}}' ELSE '' END,
    CASE jsonb_typeof(g #> '{{source,contract_version}}') WHEN 'string' THEN g #>> '{{source,contract_version}}' ELSE '' END,
    ARRAY(SELECT jsonb_array_elements_text(COALESCE(g #> '{{source,never_leaves}}', '[]'))),
    s.owner_id, s.fresh_on, s.fresh_days
  FROM registry_revision r, jsonb_array_elements({DOCUMENT} #> '{{sections,2,grants}}') g, registry_datasource s
  WHERE s.slug = g #>> '{{source,slug}}' ORDER BY r.id, s.id"""
TOOLS = f"""SELECT DISTINCT ON (r.id, t.id) r.id, t.id, g #>> '{{tool,name}}', g #>> '{{tool,system}}', g #>> '{{tool,effect}}',
    ARRAY(SELECT jsonb_array_elements_text(g #> '{{tool,tags}}')), t.owner_id
  FROM registry_revision r, jsonb_array_elements({DOCUMENT} #> '{{sections,6,grants}}') g, registry_tool t
  WHERE t.slug = g #>> '{{tool,slug}}' ORDER BY r.id, t.id"""
CARDS = f"""SELECT r.id, ({DOCUMENT} #>> '{{sections,9,owner,id}}')::uuid, ({DOCUMENT} #>> '{{sections,9,deputy,id}}')::uuid, m.id,
    {DOCUMENT} #>> '{{core,risk_class}}', ({DOCUMENT} #>> '{{core,autonomy}}')::int
  FROM registry_revision r JOIN accounts_team m ON m.slug = {DOCUMENT} #>> '{{core,team}}'"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_only_people_decide"),
        ("registry", "0016_run_traces"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SignedCard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("risk_class", models.CharField(max_length=20)),
                ("autonomy", models.PositiveSmallIntegerField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SignedSource",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=150)),
                ("classification", models.CharField(blank=True, max_length=20)),
                ("contract_version", models.CharField(blank=True, max_length=50)),
                (
                    "never_leaves",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), default=list, size=None
                    ),
                ),
                ("fresh_on", models.DateField(null=True)),
                ("fresh_days", models.PositiveSmallIntegerField(null=True)),
            ],
            options={
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SignedTool",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=150)),
                ("system", models.CharField(blank=True, max_length=150)),
                ("effect", models.CharField(max_length=20)),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=30), default=list, size=None
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "default_permissions": (),
            },
        ),
        migrations.RemoveConstraint(
            model_name="packet",
            name="one_packet_a_version",
        ),
        migrations.AddField(
            model_name="packet",
            name="renews",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="renewals",
                to="registry.packet",
            ),
        ),
        migrations.AlterField(
            model_name="packet",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="packet",
            constraint=models.UniqueConstraint(
                condition=models.Q(models.Q(("state__in", ("withdrawn", "vetoed")), _negated=True), ("renews", None)),
                fields=("agent", "version"),
                name="one_packet_a_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="packet",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("draft", "in_review", "changes_requested"))),
                fields=("renews",),
                name="one_open_renewal_a_packet",
            ),
        ),
        migrations.AddConstraint(
            model_name="packet",
            constraint=models.CheckConstraint(
                condition=models.Q(("renews", models.F("id")), _negated=True), name="renewal_is_of_another_packet"
            ),
        ),
        migrations.AddConstraint(
            model_name="packet",
            constraint=models.CheckConstraint(
                condition=models.Q(("created_by__isnull", False), ("renews__isnull", False), _connector="OR"),
                name="the_portal_starts_only_renewals",
            ),
        ),
        migrations.AddField(
            model_name="signedcard",
            name="deputy",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signedcard",
            name="owner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signedcard",
            name="revision",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="card", to="registry.revision"
            ),
        ),
        migrations.AddField(
            model_name="signedcard",
            name="team",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"),
        ),
        migrations.AddField(
            model_name="signedsource",
            name="owner",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signedsource",
            name="revision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="sources", to="registry.revision"
            ),
        ),
        migrations.AddField(
            model_name="signedsource",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.datasource"
            ),
        ),
        migrations.AddField(
            model_name="signedtool",
            name="owner",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signedtool",
            name="revision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="tools", to="registry.revision"
            ),
        ),
        migrations.AddField(
            model_name="signedtool",
            name="tool",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.tool"),
        ),
        migrations.AddConstraint(
            model_name="signedsource",
            constraint=models.UniqueConstraint(fields=("revision", "source"), name="a_source_is_signed_once"),
        ),
        migrations.AddConstraint(
            model_name="signedtool",
            constraint=models.UniqueConstraint(fields=("revision", "tool"), name="a_tool_is_signed_once"),
        ),
        *(
            migrations.RunSQL(
                f"""CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON registry_{table}
                    FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
                    ALTER TABLE registry_{table} ENABLE ALWAYS TRIGGER frozen;""",
                f"DROP TRIGGER frozen ON registry_{table};",
            )
            for table in FROZEN
        ),
        migrations.RunSQL(
            f"""INSERT INTO registry_signedsource (revision_id, source_id, name, classification, contract_version,
                    never_leaves, owner_id, fresh_on, fresh_days) {SOURCES};
                INSERT INTO registry_signedtool (revision_id, tool_id, name, system, effect, tags, owner_id) {TOOLS};
                INSERT INTO registry_signedcard (revision_id, owner_id, deputy_id, team_id, risk_class, autonomy) {CARDS};""",
            migrations.RunSQL.noop,
        ),
    ]
