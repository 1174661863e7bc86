from django.db import migrations


class Migration(migrations.Migration):
    dependencies = (("api", "0003_move_tokens"),)

    operations = (migrations.DeleteModel(name="ApiToken"),)
