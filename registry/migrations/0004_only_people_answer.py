from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_handovers_and_catalogue_upkeep"), ("accounts", "0003_only_people_decide")]
    operations = [
        migrations.RunSQL(
            """CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF owner_id, deputy_id ON registry_agent
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('owner_id', 'deputy_id');
               CREATE TRIGGER only_people BEFORE INSERT ON registry_revision
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('submitted_by_id');
               CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF to_id ON registry_handover
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('to_id');
               CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF owner_id ON registry_datasource
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('owner_id');
               CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF owner_id ON registry_tool
               FOR EACH ROW EXECUTE FUNCTION accounts_only_people('owner_id');""",
            """DROP TRIGGER only_people ON registry_agent; DROP TRIGGER only_people ON registry_revision;
               DROP TRIGGER only_people ON registry_handover; DROP TRIGGER only_people ON registry_datasource;
               DROP TRIGGER only_people ON registry_tool;""",
        )
    ]
