from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0017_renewals"),
        ("accounts", "0003_only_people_decide"),
    ]

    operations = [
        migrations.RunSQL(
            """CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF said_by_id ON registry_notapplicable
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('said_by_id');""",
            "DROP TRIGGER only_people ON registry_notapplicable;",
        ),
    ]
