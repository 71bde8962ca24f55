from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("approvals", "0003_renewed_sign_offs"), ("accounts", "0003_only_people_decide")]
    operations = [
        migrations.RunSQL(
            """CREATE TRIGGER only_people BEFORE INSERT ON approvals_signoff
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('person_id');""",
            """DROP TRIGGER only_people ON approvals_signoff;""",
        )
    ]
