"""The count of looks at a test set knows every experiment on the same examples, and every setting of a student once."""

from django.contrib.auth.models import User

from tests.factories.experiments import launched, spec
from webapp.experiments import services
from webapp.findings.test_set_uses import looks


def test_experiments_on_the_same_examples_count_and_students_with_the_same_settings_once(owner: User) -> None:
    first = launched(owner, methods=[{"kind": "naive"}, {"kind": "confidence"}])
    assert looks(first).text == "No other experiment of this laboratory was tested on the same examples."
    launched(owner, methods=[{"kind": "naive"}, {"kind": "confidence", "weight": 0.3}], seeds=2)
    launched(owner, methods=[{"kind": "naive"}], data={"split_seed": 3})
    services.create(owner, spec(methods=[{"kind": "product"}]))  # never launched, so it has looked at nothing
    assert looks(first).text.startswith("2 experiments of this laboratory, with 3 settings of students,")
