import re
from pathlib import Path

import pytest

from training import ExperimentSpec, catalog
from training.spec.methods import METHODS, Cace, Confidence, Naive
from webapp.findings.wording import kinds_text, lower, method_titles, model_title, short_methods, short_model
from webapp.pages.experiments.plan_preview import LONGEST_NAME, clipped


@pytest.mark.parametrize(
    ("name", "short", "title"),
    [
        ("bag-of-words", "Bag of words", "Bag of words"),
        ("minilm-l4", "MiniLM L4", "MiniLM, 4 layers"),
        ("pythia-70m", "pythia-70m", "pythia-70m (EleutherAI/pythia-70m)"),
        ("hub:someone/some-model", "some-model", "hub:someone/some-model"),
        ("hub:someone/some-model@v1", "some-model@v1", "hub:someone/some-model@v1"),
        ("local:/models/tiny", "tiny", "tiny (local folder)"),
        ("local:tiny@0123456789abcdef", "tiny@0123456", "tiny@0123456 (local folder)"),
    ],
)
def test_any_model_has_a_readable_name(name: str, short: str, title: str) -> None:
    assert (short_model(name), model_title(name)) == (short, title)


def test_no_two_shipped_models_have_one_short_name() -> None:
    assert len({short_model(name) for name in catalog.MODELS}) == len(catalog.MODELS)
    assert (short_model("chess-tiny"), short_model("efficientnet-lite0")) == ("Chess tiny", "EfficientNet-Lite0")


def test_a_long_name_is_clipped_beside_the_matrix() -> None:
    assert clipped("Bag of words") == "Bag of words"
    assert len(clipped("a-model-with-a-very-long-name")) == LONGEST_NAME


@pytest.mark.parametrize(
    ("title", "within"),
    [
        ("Reverse KL", "reverse KL"),
        ("CACE", "CACE"),
        ("AdaptConf (corrected)", "AdaptConf (corrected)"),
        ("Confidence loss (OpenAI)", "confidence loss (OpenAI)"),
        ("L2 penalty", "L2 penalty"),
        ("KL", "KL"),
        ("K-means labels", "K-means labels"),
        ("LoRA rank", "LoRA rank"),
        ("Zero-shot prompt", "zero-shot prompt"),
        ("A mixture", "a mixture"),
        ("Confidence, OpenAI", "confidence, OpenAI"),
        ("", ""),
    ],
)
def test_within_a_sentence_a_title_begins_small_and_a_name_keeps_its_capitals(title: str, within: str) -> None:
    assert lower(title) == within


def test_no_title_of_a_method_loses_a_capital_but_that_of_its_first_ordinary_word() -> None:
    titles = {text for method in METHODS for text in (method.model_fields["kind"].title, method.short) if text}
    assert {"Reverse KL", "AdaptConf", "Symmetric CE", "CACE"} <= titles
    names = {"AdaptConf", "AdaptConf (corrected)", "AdaptConf, corr.", "AdaBoost", "CACE"}
    assert {title for title in titles if lower(title) == title} == names
    assert all(lower(title)[1:] == title[1:] for title in titles)


def test_no_template_lowers_a_whole_title() -> None:
    """The filter ``lowered`` keeps the capitals of names; Django's own ``lower`` does not."""
    templates = Path(__file__).parents[3] / "templates"
    assert [str(path) for path in templates.rglob("*.html") if re.search(r"\|\s*lower\b", path.read_text())] == []


def test_methods_of_a_kind_are_distinguished_by_settings_that_are_words_or_numbers() -> None:
    spec = ExperimentSpec(methods=(Naive(), Naive(labels="hard"), Cace(), Confidence(weight=0.3), Confidence(threshold="prior")))
    assert method_titles(spec) == [
        "Naive, weak labels soft",
        "Naive, weak labels hard",
        "CACE",
        "Confidence loss, weight 0.3, threshold median",
        "Confidence loss, weight 0.5, threshold prior",
    ]
    assert short_methods(spec)[1:4] == ["Naive hard", "CACE", "Confidence 0.3 median"]


def test_kinds_are_counted() -> None:
    assert kinds_text(["reverse-kl", "adaptconf", "reverse-kl"]) == "reverse KL ×\u00a02, AdaptConf"
