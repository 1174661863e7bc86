from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0009_imported_runs'),
    ]

    operations = [
        migrations.AddField(
            model_name='experiment',
            name='budget_error',
            field=models.TextField(blank=True),
        ),
    ]
