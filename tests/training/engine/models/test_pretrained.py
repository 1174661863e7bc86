"""Transformers from folders: how a text becomes a vector, and whole experiments with them."""

import shutil
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from tests.factories.models import make_model
from tests.factories.runs import Recording, finish, plan_with
from training import Plan, RunSpec, Store, execute
from training.engine.data.tokens import word_pieces
from training.engine.errors import CorruptModel
from training.engine.models import backbone
from training.engine.models import classifiers as engine_models
from training.engine.models.features import features_path
from training.engine.models.inputs import Ragged

ARCHITECTURES = ["llama", "gpt2", "bert"]


def a_run(model: Path, tuning: str = "full", **changes: object) -> RunSpec:
    """A ceiling."""
    plan = plan_with("bag-of-words", str(model), tuning=tuning)
    return plan.runs[plan.triplets[0].ceiling].model_copy(update=changes)


def tokenised(text: pa.ChunkedArray, run: RunSpec) -> Ragged:
    return Ragged.of(chain.from_iterable(word_pieces(text, backbone.tokenizer(run), lambda: False)), budget=2048)


def logits(run: RunSpec, texts: list[str], together: bool) -> torch.Tensor:
    """Return logits of an untrained model whose head is not zero."""
    model = engine_models.build(run)
    with torch.no_grad():
        model.get_parameter("head.linear.weight").copy_(torch.linspace(-1, 1, 32)[None])
        inputs = tokenised(pa.chunked_array([texts]), run)
        parts = [np.arange(len(texts))] if together else [np.array([row]) for row in range(len(texts))]
        return torch.cat([model(*inputs.batch(part)) for part in parts])


TEXTS = ["good", "a film that is bad, long and not at all what the man said it would be !", "! ! !", "the film !", "", "not good"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_logit_of_a_text_does_not_depend_on_its_neighbours(models: dict[str, Path], architecture: str) -> None:
    run = a_run(models[architecture])
    alone, together = logits(run, TEXTS, together=False), logits(run, TEXTS, together=True)
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=0)
    assert len(set(alone.tolist())) > 3


def test_a_decoder_is_read_at_its_last_token_though_padding_has_the_id_of_a_word(models: dict[str, Path]) -> None:
    """Batches are padded with id 0, which is the exclamation mark here, and texts end with it."""
    run = a_run(models["llama"])
    transformer = backbone.load(run)
    inputs = tokenised(pa.chunked_array([TEXTS]), run)
    ids, mask = inputs.batch(np.arange(len(TEXTS)))
    assert ids[1, int(mask[1].sum()) - 1] == ids[3, int(mask[3].sum()) - 1] == 0
    with torch.no_grad():
        states = backbone.pooled(transformer, ids, mask, "last")
        for row, length in enumerate(inputs.lengths):
            alone = transformer(input_ids=ids[row : row + 1, :length]).last_hidden_state[0, -1]
            torch.testing.assert_close(states[row], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_head_that_starts_at_the_unembedding_says_what_the_language_model_says(
    models: dict[str, Path], architecture: str, tuning: str
) -> None:
    """GPT-2's unembedding is its embedding, Llama's a tensor of its own."""
    from transformers import AutoModelForCausalLM

    run = a_run(models[architecture], tuning, head_start="unembedding")
    tokenizer = backbone.tokenizer(run)
    zero, first = tokenizer.token_to_id("0"), tokenizer.token_to_id("1")
    language_model = AutoModelForCausalLM.from_pretrained(models[architecture])
    inputs = tokenised(pa.chunked_array([TEXTS]), run)
    with torch.no_grad():
        actual = engine_models.build(run)(*inputs.batch(np.arange(len(TEXTS))))
        for row, length in enumerate(inputs.lengths):
            ids = inputs.batch(np.array([row]))[0][:, :length]
            said = language_model(input_ids=ids).logits[0, -1]
            torch.testing.assert_close(actual[row], said[first] - said[zero], atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_a_head_of_three_classes_starts_at_the_rows_of_their_words(models: dict[str, Path], architecture: str) -> None:
    from transformers import AutoModelForCausalLM

    run = a_run(models[architecture], "full", head_start="unembedding")
    language_model: Any = AutoModelForCausalLM.from_pretrained(models[architecture])
    known = backbone.tokenizer(run)
    rows = language_model.get_output_embeddings().weight[[known.token_to_id(word) for word in ("0", "1", "2")]]
    torch.testing.assert_close(engine_models.build(run, classes=3).get_parameter("head.linear.weight"), rows)
    with pytest.raises(CorruptModel, match="does not tell the words 0 to 19 apart"):
        engine_models.build(run, classes=20)


def test_a_model_whose_head_starts_at_the_unembedding_is_evaluated_before_its_first_step_too(
    models: dict[str, Path], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    for start, tells in (("zero", 1), ("unembedding", 20)):
        run = a_run(models["llama"], "probe", head_start=start, epochs=1)
        finish(run, store)
        assert len(set(store.read_trajectory(run.key()).prob[0].tolist())) >= tells
        assert (len(set(store.read_trajectory(run.key()).prob[0].tolist())) == 1) == (start == "zero")


def test_a_tokenizer_that_does_not_know_the_class_words_is_said(models: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(models["llama"], tmp_path / "copy")
    vocabulary = (copy / "tokenizer.json").read_text()
    (copy / "tokenizer.json").write_text(vocabulary.replace('"0":', '"zero":').replace('"1":', '"one":'))
    with pytest.raises(CorruptModel, match="does not tell the words 0 and 1 apart"):
        engine_models.build(a_run(copy, head_start="unembedding"))


def test_an_encoder_can_be_read_at_its_first_token(models: dict[str, Path]) -> None:
    run = a_run(models["bert"], pooling="cls")
    transformer = backbone.load(run)
    ids, mask = torch.tensor([[2, 5, 6, 3, 0]]), torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0]])
    with torch.no_grad():
        actual = backbone.pooled(transformer, ids, mask, backbone.shape(run).reading)
        states = transformer(input_ids=ids[:, :4]).last_hidden_state
    torch.testing.assert_close(actual, states[:, 0], atol=1e-5, rtol=0)


def test_pooling_and_the_start_of_the_head_are_in_the_key_only_where_they_are_read(models: dict[str, Path]) -> None:
    plain = {name: plan_with("bag-of-words", str(models[name])).runs.keys() for name in ARCHITECTURES}
    cls = {name: plan_with("bag-of-words", str(models[name]), pooling="cls").runs.keys() for name in ARCHITECTURES}
    start = {name: plan_with("bag-of-words", str(models[name]), head_start="unembedding").runs.keys() for name in ARCHITECTURES}
    assert {name for name in ARCHITECTURES if cls[name] != plain[name]} == {"bert"}
    assert {name for name in ARCHITECTURES if start[name] != plain[name]} == {"llama", "gpt2"}


def test_features_of_another_pooling_have_a_file_of_their_own(models: dict[str, Path], tmp_path: Path) -> None:
    mean, cls = (a_run(models["bert"], "probe", pooling=pooling) for pooling in ("mean", "cls"))
    assert features_path(mean, Store(tmp_path)) != features_path(cls, Store(tmp_path))


def test_texts_are_cut_on_the_right_and_none_is_left_out(models: dict[str, Path]) -> None:
    run = a_run(models["llama"], max_tokens=8)
    long = "the film is good and bad and long and not good"
    inputs = tokenised(pa.chunked_array([[long, long[:33], ""]]), run)
    assert inputs.lengths.tolist() == [8, 8, 1]
    ids, _ = inputs.batch(np.array([0, 1]))
    assert ids[0].tolist() == ids[1].tolist()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nothing_is_dropped_out_of_a_transformer_in_training_mode_either(models: dict[str, Path], architecture: str) -> None:
    run = a_run(models[architecture])
    model = backbone.load(run)
    ids, mask = torch.tensor([[2, 3, 4]]), torch.ones(1, 3)
    reading = backbone.shape(run).reading
    calm = backbone.pooled(model, ids, mask, reading)
    assert torch.equal(backbone.pooled(model.train(), ids, mask, reading), calm)


def finish_all(plan: Plan, store: Store) -> None:
    for run in plan.runs.values():
        finish(run, store)


@pytest.mark.parametrize("tuning", ["probe", "full", "lora"])
@pytest.mark.parametrize(("weak", "strong"), [("bert", "llama"), ("gpt2", "bert")])
def test_supervisor_student_and_ceiling_run_end_to_end(
    models: dict[str, Path], tmp_path: Path, weak: str, strong: str, tuning: str
) -> None:
    plan, store = plan_with(str(models[weak]), str(models[strong]), tuning=tuning), Store(tmp_path)
    finish_all(plan, store)
    (triplet,) = plan.triplets
    supervisor, student, ceiling = (store.read_predictions(key) for key in (triplet.weak, triplet.student, triplet.ceiling))
    np.testing.assert_array_equal(supervisor.id, student.id)
    assert np.isfinite(student.prob).all()
    assert len(np.unique(student.prob)) > len(student.prob) / 2
    assert (student.prob != ceiling.prob).any()


def test_a_fully_tuned_decoder_learns(models: dict[str, Path], tmp_path: Path) -> None:
    plan = plan_with("bag-of-words", str(models["llama"]), tuning="full", epochs=6, lr=3e-3)
    run = plan.runs[plan.triplets[0].ceiling].model_copy(update={"limit": None})
    assert finish(run, Store(tmp_path)).of("finished")[0].accuracy > 0.6


def test_an_interrupted_decoder_goes_on_bit_for_bit(models: dict[str, Path], tmp_path: Path) -> None:
    run, whole, parts = a_run(models["llama"]), Store(tmp_path / "whole"), Store(tmp_path / "parts")
    finish(run, whole)
    recording = Recording(stop_after=lambda event: event.kind == "metric" and event.step >= 5)
    execute(run, parts, recording.emit, lambda: recording.stop)
    assert finish(run, parts).of("started")[0].resumed_from == 5
    assert parts.read_predictions(run.key()).prob.tobytes() == whole.read_predictions(run.key()).prob.tobytes()


def test_features_of_a_decoder_and_of_an_encoder_have_different_files(models: dict[str, Path], tmp_path: Path) -> None:
    paths = [features_path(a_run(models[name], "probe", digest="0" * 64), Store(tmp_path)) for name in ("llama", "bert")]
    assert len(set(paths)) == 2


def test_a_folder_that_changed_after_planning_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(models["llama"], tmp_path / "copy"))
    run = a_run(copy)
    make_model(copy, "gpt2")
    with pytest.raises(CorruptModel, match="have changed since the run was planned"):
        finish(run, Store(tmp_path / "store"))


def test_weights_that_lack_a_tensor_are_refused_and_not_made_up(models: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = Path(shutil.copytree(models["llama"], tmp_path / "copy"))
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CorruptModel, match=r"lack layers\.1\.mlp\.up_proj\.weight"):
        backbone.load(a_run(copy))
