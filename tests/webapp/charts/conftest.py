import pytest


@pytest.fixture(autouse=True)
def checked(checked_charts: None) -> None:
    """Charts that Altair does not take fail the tests of this folder."""
