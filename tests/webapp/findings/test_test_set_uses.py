"""The uses of a test set are counted by experiments on the same examples and by different settings of students."""

import pytest
from django.contrib.auth.models import User

from tests.factories.experiments import launched, spec
from webapp.experiments import services
from webapp.findings import test_set_uses
from webapp.findings.test_set_uses import test_set_uses as uses


def test_experiments_on_the_same_examples_count_and_students_with_the_same_settings_once(owner: User) -> None:
    first = launched(owner, methods=[{"kind": "naive"}, {"kind": "confidence"}])
    assert uses(first).text == "No other experiment of this laboratory was tested on the same examples."
    launched(owner, methods=[{"kind": "naive"}, {"kind": "confidence", "weight": 0.3}], seeds=2)
    launched(owner, methods=[{"kind": "naive"}], data={"split_seed": 3})
    services.create(owner, spec(methods=[{"kind": "product"}]))  # never launched, so never tested
    assert uses(first).text.startswith("2 experiments of this laboratory, with 3 settings of students,")


def test_of_many_experiments_on_a_data_set_the_newest_are_read_and_the_note_says_so(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_set_uses, "MOST", 3)
    first = launched(owner)
    launched(owner, data={"split_seed": 3})
    launched(owner, seeds=2)
    services.create(owner, spec(data={"name": "movie-preferences"}))
    assert uses(first).text.startswith("Of the newest 3 experiments on this data set, 2 of this laboratory, with 2 settings")
    launched(owner, seeds=3)
    assert uses(first).text.startswith("Of the newest 3 experiments on this data set, 2 of this laboratory, with 2 settings")
