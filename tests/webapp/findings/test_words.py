import pytest

from webapp.findings.words import model_title, short_model
from webapp.pages.planning import LONGEST_NAME, clipped


@pytest.mark.parametrize(
    ("name", "short", "title"),
    [
        ("bag-of-words", "Bag of words", "Bag of words"),
        ("minilm-l4", "MiniLM L4", "MiniLM, 4 layers"),
        ("pythia-70m", "pythia-70m", "pythia-70m (EleutherAI/pythia-70m)"),
        ("hub:someone/some-model", "some-model", "hub:someone/some-model"),
        ("hub:someone/some-model@v1", "some-model@v1", "hub:someone/some-model@v1"),
        ("local:/models/tiny", "tiny", "local:/models/tiny"),
    ],
)
def test_any_model_has_a_readable_name(name: str, short: str, title: str) -> None:
    assert (short_model(name), model_title(name)) == (short, title)


def test_a_long_name_is_clipped_beside_the_matrix() -> None:
    assert clipped("Bag of words") == "Bag of words"
    assert len(clipped("a-model-with-a-very-long-name")) == LONGEST_NAME
