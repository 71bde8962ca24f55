from django.db import migrations

# Four eyes rests on who contributed, and every signature on what was frozen.
TABLES = ("revision", "contribution")


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial"), ("ledger", "0001_initial")]
    operations = [
        migrations.RunSQL(
            f"""CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON registry_{table}
                FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
                ALTER TABLE registry_{table} ENABLE ALWAYS TRIGGER frozen;""",
            f"DROP TRIGGER frozen ON registry_{table};",
        )
        for table in TABLES
    ]
