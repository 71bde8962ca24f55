import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import work.clock

FOLDER = Path(__file__).parent


def run(name):
    # Without parameters psycopg takes several statements, and does not trip over "%".
    return lambda apps, schema_editor: schema_editor.execute((FOLDER / name).read_text(), params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_only_people_decide"),
        ("registry", "0008_catalogue"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("registered", "Registered"),
                            ("draft", "Draft packet"),
                            ("in_review", "In review"),
                            ("changes_requested", "Changes requested"),
                            ("approved", "Approved"),
                            ("live", "Live"),
                            ("suspended", "Suspended"),
                            ("retired", "Retired"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "gate",
                    models.CharField(
                        choices=[("unknown", "Not evaluated"), ("pass", "Passing"), ("fail", "Blocked")], max_length=10
                    ),
                ),
                ("n", models.BigIntegerField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                ("query", models.CharField(max_length=2000)),
                ("created_at", models.DateTimeField(default=work.clock.now)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="saved_views",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "ordering": ["name", "id"],
                "default_permissions": (),
                "indexes": [models.Index(fields=["team", "name"], name="registry_sa_team_id_4f2013_idx")],
                "constraints": [models.UniqueConstraint(fields=("person", "name"), name="one_view_a_name")],
            },
        ),
        migrations.RunPython(run("finding.sql"), run("unfinding.sql")),
    ]
