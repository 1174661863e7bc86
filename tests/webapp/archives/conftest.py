import shutil
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tests.webapp.archives.scene import shown, trained
from webapp.archives.export import packed
from webapp.experiments.models import Experiment


@pytest.fixture
def archive(owner: User, tmp_path: Path) -> Path:
    User.objects.filter(pk=owner.pk).update(first_name="Ada", last_name="Lovelace")
    owner.refresh_from_db()
    experiment = trained(owner, seeds=2)
    with packed(experiment, experiment.owner) as file, (tmp_path / "it.zip").open("wb") as copy:
        shutil.copyfileobj(file, copy)
    return tmp_path / "it.zip"


@pytest.fixture
def numbers(archive: Path) -> dict[str, object]:
    """What the archived experiment says."""
    return shown(Experiment.objects.get())
