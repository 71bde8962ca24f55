from pathlib import Path

from django.db import migrations, models

SCHEMA = (Path(__file__).parent.parent / "schema.sql").read_text()


def make_schema(apps, schema_editor):
    # Without parameters psycopg takes several statements, and does not trip over "%".
    schema_editor.execute(SCHEMA, params=None)


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunPython(make_schema, lambda apps, editor: editor.execute("DROP SCHEMA ledger CASCADE")),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("stream", models.TextField()),
                ("stream_seq", models.BigIntegerField()),
                ("kind", models.TextField()),
                ("payload", models.BinaryField()),
                ("prev_hash", models.BinaryField()),
                ("leaf_hash", models.BinaryField()),
                ("inserted_at", models.DateTimeField()),
            ],
            options={"db_table": '"ledger"."entry"', "managed": False, "verbose_name_plural": "ledger entries"},
        ),
        migrations.CreateModel(
            name="StreamHead",
            fields=[
                ("stream", models.TextField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": '"ledger"."stream_head"', "managed": False},
        ),
    ]
