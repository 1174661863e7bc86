"""The method text is generated from the spec alone."""

from typing import Literal

from django.contrib.auth.models import User
from pydantic import Field

from tests.factories.experiments import finish_all, launched, spec
from training.spec import Naive
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.method_text import words
from webapp.reports.references import preprints


def test_it_says_what_the_spec_says(owner: User) -> None:
    methods = [{"kind": "naive"}, {"kind": "confidence", "weight": 0.25, "ramp": 0.3}, {"kind": "confidence", "weight": 0.75}]
    strong = {"epochs": 3, "batch_size": 16, "lr": 0.004, "weight_decay": 0.1, "schedule": "linear", "stop": "last"}
    experiment = launched(owner, methods=methods, strong=strong, data={"test_fraction": 0.2, "locked_fraction": 0.05})
    finish_all(experiment)
    report = compose(experiment, Choices(), owner)
    paragraphs = {part.title: part.text for part in report.method}
    assert "10,568 texts with the labels “negative” and “positive”" in paragraphs["Data"]
    assert "400 test examples" in paragraphs["Data"]
    assert "5% in a locked test set" in paragraphs["Data"]
    assert "3 epochs, batches of 16, learning rate 0.004 falling linearly to zero, weight decay 0.1" in paragraphs["Training"]
    assert "all others are those of the last step" in paragraphs["Training"]
    assert "Confidence weight 0.25 (share of the target" in paragraphs["Confidence loss, weight 0.25, warm-up 0.3"]
    assert "Warm-up 0.3 (share of the training" in paragraphs["Confidence loss, weight 0.25, warm-up 0.3"]
    assert "Holm 1979" in paragraphs["Statistics"]
    cited = " ".join(part.text for part in report.sources)
    assert all(name in cited for name in ("Burns et al. (2023)", "Holm (1979)", "Hutto & Gilbert (2014)", "all-MiniLM-L6-v2"))


class New(Naive):
    """Another loss (arXiv:2701.01234).

    CE(f / t, w).
    """

    kind: Literal["new"] = Field("new", title="New loss")  # type: ignore[assignment]
    heat: float = Field(2.0, title="Temperature", description="What the student’s logits are divided by.")


def test_a_method_is_described_by_its_own_docstring() -> None:
    labels = "Weak labels soft (soft: the supervisor’s probabilities. Hard: its most probable class). "
    expected = f"Another loss (arXiv:2701.01234). CE(f / t, w). {labels}Temperature 2 (what the student’s logits are divided by)."
    assert words(New()) == expected


def test_a_preprint_that_a_method_is_from_is_a_source() -> None:
    assert preprints(spec().model_copy(update={"methods": (Naive(), New())})) == {"2701.01234": "New loss"}
