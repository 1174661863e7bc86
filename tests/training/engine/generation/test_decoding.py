"""Answers and their probabilities are those of transformers' own generation and logits, in batches as one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.factories.written import CONTEXT
from training import Plan, catalog
from training.engine.errors import CorruptModel, Stopped
from training.engine.generation.decoding import AFTER, Decoder, Sampling
from training.engine.models import classifiers
from training.engine.models.classifiers import AnswerModel
from training.engine.models.inputs import Ragged
from training.spec import RunSpec

MOST = 6
ENDS = (0, 12, 20)
TOLERANCE = 1e-4
"""Largest difference of log-probabilities in nats, of sums in another order."""


def run_of(plan: Plan, folder: Path) -> RunSpec:
    entry = catalog.model(str(folder))
    run = next(iter(plan.runs.values()))
    return run.model_copy(update={"model": entry.name, "digest": entry.digest})


def built(plan: Plan, folder: Path, **changes: Any) -> AnswerModel:
    model = classifiers.build(run_of(plan, folder).model_copy(update=changes))
    assert isinstance(model, AnswerModel)
    return model


def prompts(count: int = 24) -> list[list[int]]:
    draw = np.random.default_rng(0)
    return [draw.integers(1, 40, size).tolist() for size in draw.integers(1, CONTEXT - MOST, count)]


def never() -> None:
    pass


@pytest.mark.parametrize("role", ["weak", "strong"])
def test_greedy_answers_and_their_probabilities_are_those_of_transformers(
    role: str, plan: Plan, writers: dict[str, Path]
) -> None:
    from transformers import AutoModelForCausalLM

    texts = prompts()
    decoder = Decoder(built(plan, writers[role]), ENDS, MOST, never)
    together = decoder.decode(Ragged.of(texts, 2048), np.arange(len(texts)))
    reference: Any = AutoModelForCausalLM.from_pretrained(writers[role])
    reference.eval()
    stopped = 0
    for row, text in enumerate(texts):
        ids = torch.tensor(text)[None]
        options = {"max_new_tokens": MOST, "do_sample": False, "eos_token_id": list(ENDS), "pad_token_id": 0}
        output = reference.generate(
            ids, attention_mask=torch.ones_like(ids), output_logits=True, return_dict_in_generate=True, **options
        )
        tokens = output.sequences[0, len(text) :].tolist()
        written = together.tokens[row]
        assert written[written != AFTER].tolist() == tokens
        nats = sum(float(step[0].float().log_softmax(-1)[token]) for step, token in zip(output.logits, tokens, strict=True))
        assert together.log_probability[row] == pytest.approx(nats, abs=TOLERANCE)
        stopped += len(tokens) < MOST
        alone = decoder.decode(Ragged.of([text], 2048), np.arange(1))
        assert alone.tokens[0].tolist() == written.tolist()
        assert alone.log_probability[0] == pytest.approx(together.log_probability[row], abs=TOLERANCE)
    assert 0 < stopped < len(texts), "both kinds of answers are tested"


def test_the_loss_is_that_of_transformers_on_the_answers_tokens_alone(plan: Plan, writers: dict[str, Path]) -> None:
    from transformers import AutoModelForCausalLM

    texts = prompts(6)
    starts = [max(1, len(text) // 2) for text in texts]
    model = built(plan, writers["strong"])
    ids, mask = Ragged.of(texts, 2048).batch(np.arange(len(texts)))
    learned = mask * (torch.arange(ids.shape[1]) >= torch.tensor(starts)[:, None])
    costs = model(ids, mask, learned)
    reference: Any = AutoModelForCausalLM.from_pretrained(writers["strong"])
    reference.eval()
    for text, start, cost in zip(texts, starts, costs.tolist(), strict=True):
        whole = torch.tensor(text)[None]
        labels = whole.clone()
        labels[:, :start] = -100
        expected = float(reference(input_ids=whole, labels=labels).loss.detach()) if start < len(text) else 0.0
        assert cost == pytest.approx(expected, abs=TOLERANCE)


def test_lora_writes_with_its_additions(plan: Plan, writers: dict[str, Path]) -> None:
    model = built(plan, writers["strong"], adaptation="lora", lora_rank=2, lora_alpha=4)
    texts = Ragged.of(prompts(8), 2048)
    decoder = Decoder(model, ENDS, MOST, never)
    before = decoder.decode(texts, np.arange(8))
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if "lora_B" in name:
                tensor.fill_(0.5)
    assert not np.allclose(decoder.decode(texts, np.arange(8)).log_probability, before.log_probability, atol=0.01)


def test_a_sample_depends_on_its_own_chance_and_not_on_its_batch(plan: Plan, writers: dict[str, Path]) -> None:
    texts = prompts(12)
    decoder = Decoder(built(plan, writers["strong"]), ENDS, MOST, never)
    chance = np.random.default_rng(1).random((12, MOST))
    together = decoder.decode(Ragged.of(texts, 2048), np.arange(12), Sampling(1.0, chance))
    for row in range(12):
        alone = decoder.decode(Ragged.of([texts[row]], 2048), np.arange(1), Sampling(1.0, chance[row : row + 1]))
        assert alone.tokens[0].tolist() == together.tokens[row].tolist()
    coldest = decoder.decode(Ragged.of(texts, 2048), np.arange(12), Sampling(1e-6, chance))
    assert coldest.tokens.tolist() == decoder.decode(Ragged.of(texts, 2048), np.arange(12)).tokens.tolist()


def test_a_stop_is_heard_between_two_layers_of_the_first_pass(plan: Plan, writers: dict[str, Path]) -> None:
    checks = 0

    def stop_at_the_third() -> None:
        nonlocal checks
        checks += 1
        if checks == 3:
            raise Stopped

    decoder = Decoder(built(plan, writers["strong"]), ENDS, MOST, stop_at_the_third)
    decoder.checked = True
    with pytest.raises(Stopped):
        decoder.decode(Ragged.of(prompts(4), 2048), np.arange(4))
    assert not any(layer._forward_pre_hooks for layer in decoder.transformer.modules())


def test_a_model_that_reads_a_cache_differently_is_refused(plan: Plan, writers: dict[str, Path]) -> None:
    model = built(plan, writers["strong"])
    decoder = Decoder(model, ENDS, MOST, never)
    whole = decoder.transformer.forward
    decoder.transformer.forward = lambda *rest, past_key_values=None, **named: whole(*rest, **named | {"position_ids": None})
    with pytest.raises(CorruptModel, match="cannot write answers"):
        decoder.decode(Ragged.of(prompts(4), 2048), np.arange(4))
