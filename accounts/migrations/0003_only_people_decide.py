from django.db import migrations

# Attached by each room to its own tables: `accounts_only_people('owner_id', …)` refuses a service account there.
SQL = """
CREATE FUNCTION accounts_only_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  name text;
  named uuid;
BEGIN
  FOREACH name IN ARRAY TG_ARGV LOOP
    EXECUTE format('SELECT ($1).%I', name) INTO named USING NEW;
    IF EXISTS (SELECT 1 FROM accounts_person WHERE id = named AND kind = 'service') THEN
      RAISE EXCEPTION 'only_people: a service account may not be %.%', TG_TABLE_NAME, name
        USING ERRCODE = 'check_violation';
    END IF;
  END LOOP;
  RETURN NEW;
END $$;
CREATE FUNCTION accounts_kind_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'kind_stays: a person does not become a service account, nor one a person'
    USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER kind_stays BEFORE UPDATE OF kind ON accounts_person
  FOR EACH ROW WHEN (OLD.kind IS DISTINCT FROM NEW.kind) EXECUTE FUNCTION accounts_kind_stays();
CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF person_id, granted_by_id ON accounts_rolegrant
  FOR EACH ROW EXECUTE FUNCTION accounts_only_people('person_id', 'granted_by_id');
CREATE TRIGGER only_people BEFORE INSERT OR UPDATE OF created_by_id ON accounts_apitoken
  FOR EACH ROW EXECUTE FUNCTION accounts_only_people('created_by_id');
"""
UNDO = """
DROP TRIGGER only_people ON accounts_apitoken;
DROP TRIGGER only_people ON accounts_rolegrant;
DROP TRIGGER kind_stays ON accounts_person;
DROP FUNCTION accounts_kind_stays();
DROP FUNCTION accounts_only_people();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_tokens_and_service_accounts")]
    operations = [migrations.RunSQL(SQL, UNDO)]
