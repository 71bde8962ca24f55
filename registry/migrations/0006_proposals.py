import uuid

import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models

import work.clock


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0005_imported_manifests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("section", models.PositiveSmallIntegerField(default=0)),
                ("part", models.CharField(blank=True, max_length=40)),
                ("field", models.CharField(max_length=60)),
                ("value", models.JSONField()),
                ("value_sha256", models.CharField(max_length=64)),
                ("before", models.JSONField(null=True)),
                ("source_kind", models.SlugField(max_length=40)),
                ("source_key", models.CharField(blank=True, max_length=100)),
                ("source_label", models.CharField(max_length=200)),
                ("source_sha256", models.CharField(max_length=64)),
                ("source_path", models.CharField(blank=True, max_length=300)),
                ("proposed_at", models.DateTimeField(default=work.clock.now)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Waits for an answer"),
                            ("accepted", "Accepted"),
                            ("dismissed", "Dismissed"),
                            ("superseded", "No longer said"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "agent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="registry.agent",
                    ),
                ),
                (
                    "data_source",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="registry.datasource",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "packet",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="registry.packet",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tool",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="registry.tool",
                    ),
                ),
            ],
            options={
                "ordering": ["-proposed_at", "id"],
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["state", "-proposed_at"], name="registry_pr_state_fa9613_idx"),
                    models.Index(fields=["source_kind", "source_key"], name="registry_pr_source__46f5da_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.comparison.Coalesce("agent", "data_source", "tool", "packet"),
                        models.F("section"),
                        models.F("part"),
                        models.F("field"),
                        models.F("value_sha256"),
                        condition=models.Q(("state", "open")),
                        name="one_open_proposal_a_value",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("agent__isnull", False),
                                ("data_source__isnull", True),
                                ("packet__isnull", True),
                                ("tool__isnull", True),
                            ),
                            models.Q(
                                ("agent__isnull", True),
                                ("data_source__isnull", False),
                                ("packet__isnull", True),
                                ("tool__isnull", True),
                            ),
                            models.Q(
                                ("agent__isnull", True),
                                ("data_source__isnull", True),
                                ("packet__isnull", True),
                                ("tool__isnull", False),
                            ),
                            models.Q(
                                ("agent__isnull", True),
                                ("data_source__isnull", True),
                                ("packet__isnull", False),
                                ("tool__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="proposal_is_about_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("packet", None), ("part", ""), ("section", 0)),
                            models.Q(("packet__isnull", False), ("section__range", (1, 10))),
                            _connector="OR",
                        ),
                        name="proposal_names_a_packets_section",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "accepted", "dismissed", "superseded"])),
                        name="proposal_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ended_by", None), ("state", "open")),
                            models.Q(("ended_at__isnull", False), ("state", "superseded")),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("ended_by__isnull", False),
                                ("state__in", ["accepted", "dismissed"]),
                            ),
                            _connector="OR",
                        ),
                        name="proposal_that_is_answered_says_by_whom",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "dismissed"), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="proposal_is_dismissed_for_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("source_sha256__regex", "^[0-9a-f]{64}$"), ("value_sha256__regex", "^[0-9a-f]{64}$")
                        ),
                        name="proposal_digests_are_sha256",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source_path", ""), ("source_path__regex", "^/[^/]"), _connector="OR"),
                        name="proposal_source_is_of_this_portal",
                    ),
                ],
            },
        ),
        # A proposal that was answered stays as it was answered, and only people answer.
        migrations.RunSQL(
            """CREATE TRIGGER frozen BEFORE UPDATE ON registry_proposal
               FOR EACH ROW WHEN (OLD.state <> 'open') EXECUTE FUNCTION ledger.refuse();
               CREATE TRIGGER kept BEFORE DELETE ON registry_proposal
               FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
               CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF ended_by_id ON registry_proposal
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('ended_by_id');
               ALTER TABLE registry_proposal ENABLE ALWAYS TRIGGER frozen;
               ALTER TABLE registry_proposal ENABLE ALWAYS TRIGGER kept;""",
            """DROP TRIGGER frozen ON registry_proposal; DROP TRIGGER kept ON registry_proposal;
               DROP TRIGGER only_people ON registry_proposal;""",
        ),
    ]
