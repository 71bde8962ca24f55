from django.db import migrations

TABLES = ("checklist", "policy", "signoff", "gatedecision")


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial"), ("ledger", "0001_initial")]
    operations = [
        migrations.RunSQL(
            f"""CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON approvals_{table}
                FOR EACH ROW EXECUTE FUNCTION ledger.refuse();
                ALTER TABLE approvals_{table} ENABLE ALWAYS TRIGGER frozen;""",
            f"DROP TRIGGER frozen ON approvals_{table};",
        )
        for table in TABLES
    ]
