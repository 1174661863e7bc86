import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("ada", password="difference engine")


@pytest.fixture(autouse=True)
def empty_store() -> Iterator[None]:
    """Artifacts are found by the keys of runs, which are the same in every test: none may outlive its test."""
    yield
    shutil.rmtree(settings.ARTIFACTS_DIR, ignore_errors=True)
