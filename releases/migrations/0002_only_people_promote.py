from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("releases", "0001_initial"), ("accounts", "0003_only_people_decide")]
    operations = [
        migrations.RunSQL(
            """CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF suspended_by_id, resume_asked_by_id ON releases_release
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('promoted_by_id', 'suspended_by_id', 'resume_asked_by_id');""",
            """DROP TRIGGER only_people ON releases_release;""",
        )
    ]
