from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('experiments', '0008_evaluates'),
    ]

    operations = [
        migrations.AddField(
            model_name='experiment',
            name='budget_error',
            field=models.TextField(blank=True),
        ),
    ]
