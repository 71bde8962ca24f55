import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0004_only_people_sign"),
        ("registry", "0017_renewals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Renewal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "expires_at",
                    models.DateTimeField(help_text="When the first sign-off of the renewed packet ends", null=True),
                ),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("owner", "Owner"),
                            ("security", "Security"),
                            ("data", "Data"),
                            ("risk", "Risk"),
                            ("finance", "Finance"),
                            ("operations", "Operations"),
                        ],
                        max_length=20,
                    ),
                ),
                ("drafted_at", models.DateTimeField()),
                ("changes", models.JSONField()),
                ("changes_sha256", models.CharField(max_length=64)),
                (
                    "drafted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "packet",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="renewal", to="registry.packet"
                    ),
                ),
            ],
            options={
                "ordering": ["-drafted_at"],
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("drafted_by__isnull", False), ("expires_at__isnull", False), _connector="OR"
                        ),
                        name="the_portal_renews_what_ends",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            """CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON approvals_renewal
               FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
               ALTER TABLE approvals_renewal ENABLE ALWAYS TRIGGER frozen;""",
            "DROP TRIGGER frozen ON approvals_renewal;",
        ),
    ]
