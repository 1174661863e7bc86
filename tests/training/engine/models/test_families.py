"""Families of architectures: each cell of docs/reference/architectures.md holds, and each refusal is made when planned."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import transformers
from peft import PeftModel
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.docs.pages import DOCS
from tests.factories.families import REFUSED, USABLE, Family, make_family, tokenizer
from tests.factories.runs import finish
from training import ExperimentSpec, RunSpec, Store, catalog, make_plan
from training.catalog import folders
from training.engine.data.examples import load_examples
from training.engine.errors import CorruptModel, EngineError
from training.engine.models import backbone, classifiers
from training.engine.outputs.export import export_model
from training.spec import describe

ROWS = 80
NAMES = [family.name for family in USABLE]
FAMILIES = {family.name: family for family in USABLE}
TUNED = [
    (name, tuning) for name in NAMES for tuning in ("lora", "full") if tuning not in folders.facts(FAMILIES[name].config).refused
]
DECODERS = [name for name in NAMES if folders.facts(FAMILIES[name].config).kind == "decoder"]

Make = Callable[[str], Path]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The short texts of the data set "few-reviews", which is registered."""
    table = pq.read_table(catalog.dataset("movie-reviews").path)
    shortest = np.argsort([len(text) for text in table["text"].to_pylist()], kind="stable")[:ROWS]
    path = tmp_path_factory.mktemp("data") / "few.parquet"
    pq.write_table(table.take(np.sort(shortest)), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = replace(catalog.dataset("movie-reviews"), name="few-reviews", path=path, rows=ROWS, digest=digest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalog.DATASETS, entry.name, entry)
        yield pq.read_table(path)["text"].to_pylist()


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Make:
    root = tmp_path_factory.mktemp("families")

    def folder(name: str) -> Path:
        path = root / name.replace(" ", "-")
        return path if path.exists() else make_family(path, FAMILIES[name], texts)

    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def planned(folder: Path, **settings: Any) -> RunSpec:
    """The ceiling of an experiment with this model on 24 rows."""
    little = {"epochs": 1, "batch_size": 8, "max_tokens": 16, "lr": 1e-2, "stop": "last", **settings}
    spec = {
        "data": {"name": "few-reviews", "limit": 64},
        "weak": {"models": ["bag-of-words"], "epochs": 1},
        "strong": {"models": [str(folder)], **little},
        "methods": [{"kind": "naive"}],
        "seeds": 1,
    }
    plan = make_plan(ExperimentSpec.model_validate(spec | {"keep_weights": settings.get("tuning") == "full"}))
    return plan.runs[plan.triplets[0].ceiling].model_copy(update={"limit": 24})


def refusal(folder: Path, **settings: Any) -> tuple[str, str]:
    """The one problem of an experiment with this model: its field and its sentence."""
    with pytest.raises(ValidationError) as caught:
        planned(folder, **settings)
    (problem,) = describe(caught.value.errors())
    return problem.path, problem.message


def close(actual: Tensor, expected: Tensor) -> None:
    assert (actual - expected).norm() <= 1e-4 * expected.norm().clamp(min=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_what_is_planned(name: str, make: Make) -> None:
    """The page is generated from the same config without a folder, which alone tells of a chat template."""
    entry, facts = catalog.model(str(make(name))), folders.facts(FAMILIES[name].config)
    refused = {use: reason for use, reason in entry.refused.items() if use != "chat"}
    assert (entry.kind, entry.layers, entry.width, entry.context, refused) == (
        *(facts.kind, facts.layers, facts.width, facts.context, facts.refused),
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_text_has_one_vector_read_at_the_right_token_alone_and_beside_others(name: str, make: Make) -> None:
    folder = make(name)
    run = planned(folder, tuning="full")
    longest = catalog.model(str(folder)).context or 48
    draw = torch.Generator().manual_seed(1)
    lengths = [3, longest, 17]
    ids, mask = torch.zeros(3, longest, dtype=torch.long), torch.zeros(3, longest)
    for row, length in enumerate(lengths):
        ids[row, :length], mask[row, :length] = torch.randint(5, 96, (length,), generator=draw), 1
    ours, plain = backbone.load(run), transformers.AutoModel.from_pretrained(folder).eval()
    decodes = backbone.shape(run).reading == "last"
    with torch.no_grad():
        alone = [plain(input_ids=ids[row : row + 1, :length]).last_hidden_state[0] for row, length in enumerate(lengths)]
        read: Any = (
            {"last": lambda states: states[-1]}
            if decodes
            else {"mean": lambda states: states.mean(0), "cls": lambda states: states[0]}
        )
        for reading, select in read.items():
            together = backbone.pooled(ours, ids, mask, reading)
            for row, states in enumerate(alone):
                close(together[row], select(states))


@pytest.mark.parametrize("name", NAMES)
def test_a_probe_is_trained_on_frozen_features(name: str, make: Make, store: Store) -> None:
    """The head of a decoder starts at the unembedding where it may."""
    start = "unembedding" if name in DECODERS and "unembedding" not in catalog.model(str(make(name))).refused else "zero"
    assert differ(finish_run(planned(make(name), tuning="probe", head_start=start), store))


def finish_run(run: RunSpec, store: Store) -> Any:
    finish(run, store)
    return store.read_predictions(run.key()).part("test").prob


def differ(prob: Any) -> bool:
    return bool(np.isfinite(prob).all()) and len(np.unique(prob)) > len(prob) / 2


@pytest.mark.parametrize("name", DECODERS)
def test_a_head_at_the_unembedding_says_what_the_language_model_says_or_is_refused(name: str, make: Make) -> None:
    folder = make(name)
    run = planned(folder, tuning="full")
    at_unembedding = run.model_copy(update={"head_start": "unembedding"})
    if sentence := catalog.model(str(folder)).refused.get("unembedding"):
        assert refusal(folder, tuning="full", head_start="unembedding") == ("strong.head_start", f"{folder.name}: {sentence}")
        with pytest.raises(CorruptModel):
            classifiers.build(at_unembedding)
        if "language" not in catalog.model(str(folder)).refused:
            backbone.load_decoder(run)  # compares its logits with those of the whole model
        return
    ids = torch.tensor([[9, 30, 7, 44, 11]])
    words = [backbone.tokenizer(run).token_to_id(word) for word in "01"]
    with torch.no_grad():
        whole: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
        zero, first = whole.eval()(input_ids=ids).logits[0, -1, words]
        close(classifiers.build(at_unembedding)(ids, torch.ones(1, 5)), (first - zero)[None])


@pytest.mark.parametrize("name", NAMES)
def test_gradient_checkpointing_leaves_the_gradients_as_they_are_or_is_refused(name: str, make: Make) -> None:
    folder = make(name)
    run = planned(folder, tuning="full")
    checkpointed = run.model_copy(update={"gradient_checkpointing": True})
    if sentence := catalog.model(str(folder)).refused.get("checkpointing"):
        expected = ("strong.gradient_checkpointing", f"{folder.name}: {sentence}")
        assert refusal(folder, tuning="full", gradient_checkpointing=True) == expected
        planned(folder, tuning="probe", gradient_checkpointing=True)  # has no use for it
        with pytest.raises(EngineError, match="has no gradient checkpointing"):
            classifiers.build(checkpointed)
        return
    assert planned(folder, tuning="full", gradient_checkpointing=True)
    close(*starmap(gradients, [(checkpointed, True), (run, False)]))


def gradients(run: RunSpec, checkpointing: bool) -> Tensor:
    model = classifiers.build(run)
    assert model.training == checkpointing or not run.gradient_checkpointing
    torch.nn.init.ones_(model.get_parameter("head.linear.weight"))
    ids, mask = torch.tensor([[9, 30, 7, 44, 11], [8, 3, 0, 0, 0]]), torch.tensor([[1.0] * 5, [1.0, 1.0, 0.0, 0.0, 0.0]])
    model(ids, mask).square().sum().backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


@pytest.mark.parametrize(("name", "tuning"), TUNED)
def test_what_was_tuned_is_read_by_plain_libraries_and_predicts_as_the_run_did(
    name: str, tuning: str, make: Make, store: Store, tmp_path: Path
) -> None:
    folder, out = make(name), tmp_path / "out"
    run = planned(folder, tuning=tuning)
    prob = finish_run(run, store)
    assert differ(prob)
    export_model(run, store, out)
    base = transformers.AutoModel.from_pretrained(folder if tuning == "lora" else out)
    assert_equal_logits(base if tuning == "full" else PeftModel.from_pretrained(base, str(out)), out, run, store)
    with pytest.raises(AssertionError):  # training has changed the model
        assert_equal_logits(transformers.AutoModel.from_pretrained(folder), out, run, store)


def assert_equal_logits(model: Any, out: Path, run: RunSpec, store: Store) -> None:
    examples, test = load_examples(run.dataset, run.fingerprint), store.read_predictions(run.key()).part("test")
    known: Any = transformers.PreTrainedTokenizerFast.from_pretrained(out)
    head, decodes = load_file(out / "head.safetensors"), backbone.shape(run).reading == "last"
    rows = pa.array(examples.id).index
    for example_id, prob in zip(test.id[:4].tolist(), test.prob[:4].tolist(), strict=True):
        text = examples.text[rows(example_id).as_py()].as_py()
        with torch.no_grad():
            ids = known(text, return_tensors="pt", truncation=True, return_token_type_ids=False).input_ids
            states = model.eval()(input_ids=ids).last_hidden_state[0]
            logit = head["linear.weight"] @ (states[-1] if decodes else states.mean(0)) + head["linear.bias"]
        assert abs(float(logit) - float(torch.logit(torch.tensor(prob)))) < 1e-3


@pytest.mark.parametrize("name", [name for name in NAMES if (name, "lora") not in TUNED])
def test_lora_is_refused_where_it_cannot_be_added(name: str, make: Make) -> None:
    folder = make(name)
    sentence = (
        f"LoRA cannot be added to this architecture ({FAMILIES[name].config['model_type']}): choose full tuning or a probe."
    )
    assert refusal(folder, tuning="lora") == ("strong.tuning", f"{folder.name}: {sentence}")
    lora = {"adaptation": "lora", "lora_rank": 4, "lora_alpha": 8}
    with pytest.raises((EngineError, AttributeError, RuntimeError)):  # of peft when it is added, or of a pass
        gradients(planned(folder, tuning="full").model_copy(update=lora), checkpointing=False)


def test_a_decoder_without_an_unembedding_models_no_language(make: Make) -> None:
    folder = make("llama without an unembedding")
    refused = "Its weights (LlamaModel) have no unembedding, so that it can be tuned and probed, but models no language."
    assert refusal(folder, tuning="full", text_epochs=1) == ("strong.text_epochs", f"{folder.name}: {refused}")
    with pytest.raises(CorruptModel):
        backbone.load_decoder(planned(folder, tuning="full"))


@pytest.mark.parametrize("family", REFUSED, ids=[family.name for family in REFUSED])
def test_what_cannot_be_used_is_refused_when_planned_with_the_sentence_of_the_table(
    family: Family, texts: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(family.config))
    save_file({"weight": torch.zeros(1)}, folder / "model.safetensors")
    tokenizer(texts).save_pretrained(folder)
    path, sentence = refusal(folder)
    prefix = "The model model cannot be used: "
    assert (path, sentence[: len(prefix)]) == ("strong.models", prefix)
    assert f"| {family.name} | {sentence.removeprefix(prefix)} |" in (DOCS / "reference" / "architectures.md").read_text()
