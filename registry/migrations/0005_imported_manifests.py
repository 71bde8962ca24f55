import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import work.clock


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0004_only_people_answer"),
        ("ledger", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportedManifest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("content", models.JSONField()),
                ("sha256", models.CharField(max_length=64)),
                ("imported_at", models.DateTimeField(default=work.clock.now)),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="manifests", to="registry.agent"
                    ),
                ),
                (
                    "imported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("agent", "number"), name="manifest_number_is_the_agents"),
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="manifest_digest_is_sha256"
                    ),
                ],
            },
        ),
        # What was imported tells what people wrote themselves, so it stays as it was.
        migrations.RunSQL(
            """CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON registry_importedmanifest
               FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
               ALTER TABLE registry_importedmanifest ENABLE ALWAYS TRIGGER frozen;""",
            "DROP TRIGGER frozen ON registry_importedmanifest;",
        ),
    ]
