import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("integrations", "0004_accounts_of_connections")]

    operations = [
        migrations.AlterField(
            model_name="connection",
            name="account",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="connections",
                to="accounts.account",
            ),
        ),
    ]
