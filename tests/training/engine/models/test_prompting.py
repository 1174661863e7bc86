"""A decoder is asked by prompts that hold what is asked whole, and answers by its own unembedding."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.factories.prompts import finish_all, plan_of, prompts_of, student_of
from tests.factories.runs import finish
from training import Store, catalog
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.errors import EngineError
from training.engine.models import backbone
from training.metrics.results import summarize


@pytest.mark.parametrize("tuning", ["probe", "lora"])
def test_prompts_run_from_the_spec_to_a_result_and_train_nothing(models: dict[str, Path], store: Store, tuning: str) -> None:
    plan = plan_of(str(models["gpt2"]), {"kind": "zero-shot"}, {"kind": "few-shot", "shots": 2}, tuning=tuning)
    finish_all(plan, store)
    result = summarize(plan, store.read_predictions, store.read_trajectory)
    assert [group.student is not None for group in result.groups] == [True, True]
    for run in (student_of(plan, 0), student_of(plan, 1)):
        assert not store.weights(run.key()).exists()
        said = store.read_predictions(run.key())
        assert set(said.split) == {"transfer", "test", "locked"}
        assert len(np.unique(said.prob)) > len(said.prob) // 2


def test_a_probability_is_the_models_own_for_the_number_of_the_class(models: dict[str, Path], store: Store) -> None:
    """Against transformers' own language model, next token after the prompt, of the two that number the classes."""
    import torch
    from transformers import AutoModelForCausalLM

    plan = plan_of(str(models["llama"]), {"kind": "zero-shot"})
    finish_all(plan, store)
    run = student_of(plan)
    examples = load_examples(run.dataset, run.fingerprint)
    texts = dict(zip(examples.id.tolist(), prompts_of(run, store), strict=True))
    tokenizer = backbone.tokenizer(run)
    words = [tokenizer.encode(word, add_special_tokens=False).ids[-1] for word in ("0", "1")]
    model = AutoModelForCausalLM.from_pretrained(models["llama"])
    said = store.read_predictions(run.key()).part("test")
    for example_id, prob in list(zip(said.id.tolist(), said.prob.tolist(), strict=True))[:5]:
        with torch.no_grad():
            logits = model(torch.tensor([tokenizer.encode(texts[example_id]).ids])).logits[0, -1, words]
        assert prob == pytest.approx(torch.softmax(logits, 0)[1].item(), abs=1e-4)


def test_a_long_text_is_cut_and_the_question_is_not(models: dict[str, Path], store: Store) -> None:
    run = student_of(plan_of(str(models["gpt2"]), {"kind": "zero-shot"}, tokens=40))
    examples = load_examples(run.dataset, run.fingerprint)
    shown, texts = prompts_of(run, store), examples.text.to_pylist()
    names = catalog.dataset(run.dataset).classes
    assert all(prompt.endswith(f"\nLabel (0: {names[0]}, 1: {names[1]}):\n") for prompt in shown)
    shown = [prompt.removeprefix("Text: ").partition("\nLabel")[0] for prompt in shown]
    assert all(text.startswith(part) for text, part in zip(texts, shown, strict=True))
    assert any(text != part for text, part in zip(texts, shown, strict=True))
    assert max(len(prompt.ids) for prompt in backbone.tokenizer(run).encode_batch(shown)) <= 40


def test_shots_are_of_half_b_of_each_label_in_turn_and_say_true_or_weak_labels(models: dict[str, Path], store: Store) -> None:
    methods = [{"kind": "few-shot", "shots": 4, "labels": labels} for labels in ("truth", "weak")]
    plan = plan_of(str(models["gpt2"]), *methods, tokens=128)
    finish(next(run for run in plan.runs.values() if run.half == "A"), store)
    for index, labels in enumerate(("truth", "weak")):
        run = student_of(plan, index)
        examples = load_examples(run.dataset, run.fingerprint)
        rows = {text: row for row, text in enumerate(examples.text.to_pylist())}
        half = split_for(run, examples.group).b.train
        weak = store.read_predictions(run.labels).part("transfer")
        by_id = dict(zip(weak.id.tolist(), weak.label.tolist(), strict=True))
        *shots, _ = prompts_of(run, store)[0].split("\n\n")
        labels_shown = []
        for shot in shots:
            shown, _, answer = shot.removeprefix("Text: ").partition("\nLabel")
            row = next(row for whole, row in rows.items() if whole.startswith(shown))
            assert row in half
            expected = examples.label[row] if labels == "truth" else by_id[int(examples.id[row])]
            assert answer.endswith(f":\n{expected}")
            labels_shown.append(int(expected))
        assert sorted(labels_shown) == [0, 0, 1, 1]


def test_too_many_shots_for_the_longest_text_are_refused_with_what_they_need(models: dict[str, Path], store: Store) -> None:
    plan = plan_of(str(models["gpt2"]), {"kind": "few-shot", "shots": 64})
    finish(next(run for run in plan.runs.values() if run.half == "A"), store)
    with pytest.raises(EngineError, match=r"The longest text is 120 tokens, and these prompts need at least \d+: raise it"):
        prompts_of(student_of(plan), store)


def test_each_prompt_is_a_run_of_its_own_with_texts_of_its_own(models: dict[str, Path]) -> None:
    few = [{"kind": "few-shot", "shots": shots, "labels": labels} for shots in (2, 3) for labels in ("weak", "truth")]
    plan = plan_of(str(models["gpt2"]), {"kind": "zero-shot"}, *few)
    runs = [student_of(plan, index) for index in range(5)]
    assert len({run.key() for run in runs}) == len({run.texts for run in runs}) == 5


def test_an_encoder_is_not_asked() -> None:
    with pytest.raises(ValidationError, match="A prompt asks a decoder, and MiniLM"):
        plan_of("minilm-l1", {"kind": "zero-shot"})


def test_only_rows_that_are_answered_have_prompts_where_the_halves_are_limited(models: dict[str, Path], store: Store) -> None:
    plan = plan_of(str(models["llama"]), {"kind": "zero-shot"})
    finish_all(plan, store)
    run = student_of(plan)
    fresh, whole = Store(store.root / "fresh"), run.model_copy(update={"limit": None})
    for each, rows in ((run, len(store.read_predictions(run.key()).id)), (whole, catalog.dataset(run.dataset).rows)):
        made = {event.total for event in finish(each, fresh).of("progress") if event.phase == "features"}
        assert made == {rows}
    said, of_all = (fresh.read_predictions(each.key()).part("test") for each in (run, whole))
    np.testing.assert_array_equal(said.id, of_all.id)
    np.testing.assert_allclose(said.prob, of_all.prob, atol=1e-5)
