import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0015_team_answers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RunTrace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64)),
                ("trace_id", models.CharField(max_length=32)),
                ("spans", models.PositiveIntegerField()),
                ("covers_from", models.DateTimeField()),
                ("covers_to", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("parts", models.JSONField()),
                ("redacted", models.JSONField()),
                (
                    "packet",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="registry.packet"
                    ),
                ),
                (
                    "received_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="trace_digest_is_sha256"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("covers_from__lte", models.F("covers_to"))),
                        name="trace_covers_time_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("covers_to__lte", models.F("received_at"))), name="trace_is_of_the_past"
                    ),
                ],
            },
        ),
        migrations.AddField("sectionstate", "by_a_person", models.BooleanField(default=False)),
        migrations.RunSQL(
            """UPDATE registry_sectionstate SET by_a_person = true FROM accounts_person
               WHERE accounts_person.id = saved_by_id AND accounts_person.kind = 'person'""",
            migrations.RunSQL.noop,
        ),
    ]
