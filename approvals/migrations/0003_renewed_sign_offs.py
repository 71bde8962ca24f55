import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("approvals", "0002_frozen")]
    operations = [
        migrations.AddField(
            model_name="signoff",
            name="renews",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="renewed_by",
                to="approvals.signoff",
            ),
        ),
        migrations.RemoveConstraint(model_name="signoff", name="one_signature_each"),
        migrations.RemoveConstraint(model_name="signoff", name="one_person_one_role"),
        migrations.AddConstraint(
            model_name="signoff",
            constraint=models.UniqueConstraint(
                condition=models.Q(("renews", None)), fields=("revision", "person"), name="one_person_one_role"
            ),
        ),
    ]
