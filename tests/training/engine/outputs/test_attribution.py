"""Effects of words on a run's answer, against models whose answer is known."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from tests.factories.runs import finish, make_run
from training import ExperimentSpec, RunSpec, Store, make_plan
from training.cli.exits import BAD_INPUT, FAILED
from training.cli.main import main
from training.command_output import Attribution
from training.engine.data.examples import load_examples
from training.engine.data.tokens import bucket
from training.engine.outputs.attribution import MOST, attribution_of, pieces_of
from training.storage.probabilities import log_odds


def erased(run: RunSpec, store: Store, number: int = 0) -> tuple[Attribution, str, float]:
    """The erasure of a test example, its text, and what the run's predictions say are the log-odds of its true label."""
    test = store.read_predictions(run.key()).part("test")
    examples = load_examples(run.dataset, run.fingerprint)
    text = str(examples.text[int(np.flatnonzero(examples.id == test.id[number])[0])])
    prob = float(test.prob[number])
    odds = np.log(prob / (1 - prob))
    return attribution_of(run, store, int(test.id[number])), text, odds if test.gold[number] else -odds


def test_in_a_bag_of_words_the_effect_of_a_word_is_its_weight_and_that_of_punctuation_is_none(store: Store) -> None:
    finish(run := make_run(), store)
    weight = load_file(store.weights(run.key()))["weight.weight"][:, 0]
    actual, text, odds = erased(run, store)
    test = store.read_predictions(run.key()).part("test")
    sign = 1 if test.gold[0] else -1
    assert actual.log_odds == pytest.approx(odds, abs=1e-4)
    assert len(actual.pieces) > 5
    for piece in actual.pieces:
        word = text[piece.start : piece.end]
        expected = sign * float(weight[bucket(word.lower())]) if word[0].isalnum() else 0.0
        assert piece.effect == pytest.approx(expected, abs=1e-4), word


@pytest.mark.parametrize("adaptation", ["probe", "lora", "full"])
def test_the_answer_of_every_kind_of_tuning_is_that_of_its_predictions_and_words_change_it(adaptation: str, store: Store) -> None:
    run = make_run("ceiling", adaptation=adaptation, epochs=1, limit=64, keep_weights=True, lora_rank=4, lora_alpha=8, lr=1e-3)
    finish(run, store)
    actual, text, odds = erased(run, store, 3)
    assert actual.log_odds == pytest.approx(odds, abs=1e-3)
    assert [text[piece.start : piece.end] for piece in actual.pieces] == [text[start:end] for start, end in pieces_of(text)]
    assert max(abs(piece.effect) for piece in actual.pieces) > 1e-3


def test_of_a_preference_the_words_of_both_texts_are_erased(store: Store) -> None:
    spec = {"data": {"name": "movie-preferences", "limit": 200}, "seeds": 1}
    plan = make_plan(ExperimentSpec.model_validate(spec | {role: {"models": ["bag-of-words"]} for role in ("weak", "strong")}))
    run = plan.runs[plan.triplets[0].ceiling]
    finish(run, store)
    actual, _, odds = erased(run, store)
    assert actual.log_odds == pytest.approx(odds, abs=1e-4)
    assert {piece.side for piece in actual.pieces} == {"a", "b"}


def test_the_log_odds_of_a_class_among_many_are_those_of_its_probability() -> None:
    logits = np.random.default_rng(0).normal(size=(5, 4))
    prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for label in range(4):
        np.testing.assert_allclose(log_odds(logits, label), np.log(prob[:, label] / (1 - prob[:, label])))
    np.testing.assert_allclose(log_odds(logits[:, 0], 0), -log_odds(logits[:, 0], 1))


def test_a_long_text_has_its_neighbours_erased_together_and_nothing_is_left_out() -> None:
    text = "word " * (MOST + 1)
    pieces = pieces_of(text)
    assert len(pieces) == (MOST + 2) // 2
    assert pieces[0] == (0, 9)
    assert pieces[-1][1] == len(text.rstrip())
    assert pieces_of("") == []
    assert pieces_of("one, two!!") == [(0, 3), (3, 4), (5, 8), (8, 10)]


def test_the_command_prints_json_and_says_what_is_missing(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    finish(run := make_run(), store)
    example = str(store.read_predictions(run.key()).part("test").id[0])
    runs = [run.key()[:12], "--store", str(store.root)]
    assert main(["words", example, *runs]) == 0
    reported = json.loads(capfd.readouterr().out)
    assert (reported["run"], reported["id"], reported["error"]) == (run.key(), int(example), "")
    assert main(["words", "-1", *runs]) == BAD_INPUT
    assert "has no example -1" in capfd.readouterr().err
    Path(store.weights(run.key())).unlink()
    assert main(["words", example, *runs]) == FAILED
    assert "left no weights" in json.loads(capfd.readouterr().out)["error"]
