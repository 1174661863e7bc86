"""The real SmolLM2, held to its file, to transformers and to itself: python -m tests.benchmarks.decoder"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from training import ExperimentSpec, RunSpec, catalog, make_plan, threads
from training.engine.data.tokens import word_pieces
from training.engine.generation.answer_texts import AnswerTokenizer, Continuations
from training.engine.generation.decoding import AFTER, Decoder
from training.engine.models import backbone, classifiers, embedded_decoder, gguf_files
from training.engine.models.chat_template import ChatTemplate
from training.engine.models.classifiers import AnswerModel
from training.engine.models.inputs import Ragged

NAME = "smollm2-135m-instruct"
ROWS = 24
PROMPTS, MOST = 12, 12
"""Reviews that are prompted with, plain and in a chat, and the most tokens of an answer."""


def check(sentence: str, difference: float, most: float) -> bool:
    print(f"{'ok ' if difference <= most else 'BAD'} {sentence}: {difference:.2g}, at most {most:g}", flush=True)
    return difference <= most


def a_run(model: str = NAME) -> RunSpec:
    plan = make_plan(ExperimentSpec.model_validate({"strong": {"models": [model], "tuning": "full"}}))
    return plan.runs[plan.triplets[0].ceiling]


def conversion(source: Path, folder: Path) -> Any:
    """Convert the file, compare with what transformers reads from it, and return that."""
    from transformers import AutoModelForCausalLM

    begun = time.monotonic()
    gguf_files.convert(source, folder, lambda done, total: None)
    print(f"    converted in {time.monotonic() - begun:.1f} s")
    read: Any = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)  # nosec B615
    own: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)  # nosec B615
    expected, weights = read.state_dict(), own.state_dict()
    worst = max(float((weight - expected[name].half().float()).abs().max()) for name, weight in weights.items())
    CHECKS.append(check("weights against transformers, in half precision", worst, 0.0))
    return own.eval()


def tokens(texts: list[str], source: Path) -> None:
    from transformers import AutoTokenizer

    own, read = backbone.tokenizer(a_run()), AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)  # nosec B615
    own.no_truncation()
    other = sum(a.ids != b for a, b in zip(own.encode_batch(texts), read(texts).input_ids, strict=True))
    print(f"    {other:,} of {len(texts):,} reviews have other tokens in transformers, which parts no digits")
    CHECKS.append(check("reviews that are not read back as they are", sum(own.decode(own.encode(t).ids) != t for t in texts), 0))


def states(texts: list[str], whole: Any) -> None:
    """Compare texts together and alone, whole and cut, and the head at the unembedding with the language model."""
    run = a_run()
    model = backbone.load(run)
    inputs = Ragged.of(chain.from_iterable(word_pieces(column(texts), backbone.tokenizer(run), lambda: False)), budget=4096)
    ids, mask = inputs.batch(np.arange(len(texts)))
    with torch.no_grad():
        together = backbone.pooled(model, ids, mask, "last")
        alone = [whole.model(ids[row : row + 1, : int(mask[row].sum())]).last_hidden_state[0, -1] for row in range(len(texts))]
        CHECKS.append(check("states of texts together, packed, against alone", far(together, torch.stack(alone)), 1e-4))
        words = [backbone.tokenizer(run).encode(word).ids[-1] for word in ("0", "1")]
        odds = (together @ backbone.directions(run, 2).T)[:, 0]
        logits = whole.lm_head(torch.stack(alone))[:, words]
        CHECKS.append(
            check("log-odds at the unembedding against the language model", far(odds, logits[:, 1] - logits[:, 0]), 1e-4)
        )
        cut = backbone.pooled(backbone.load(a_run(f"{NAME}-l10")), ids, mask, "last")
        between = whole.model(ids[:1, : int(mask[0].sum())], output_hidden_states=True).hidden_states[10]
        CHECKS.append(
            check("states of 10 layers against those within the whole", far(cut[:1], whole.model.norm(between)[:, -1]), 1e-4)
        )


def a_writer() -> RunSpec:
    """Return a run of the whole model that writes answers; its data set is not read."""
    settings = {"tuning": "full", "max_tokens": 200, "precision": "fp32"}
    content = {
        "data": {"name": "chess-puzzles"},
        "weak": {"models": ["chess-small"], **settings},
        "strong": {"models": [NAME], **settings},
        "methods": [{"kind": "naive"}],
    }
    plan = make_plan(ExperimentSpec.model_validate(content))
    return plan.runs[plan.triplets[0].ceiling]


def answers(texts: list[str], whole: Any) -> None:
    """Compare what is written to prompts, plain and in a chat, and the loss of it, with transformers and with one by one."""
    run = a_writer()
    tokenizer, chat_template = AnswerTokenizer(run), ChatTemplate(run)
    questions = [f"{text}\nIs this review positive? Answer in a few words." for text in texts]
    prompts = tokenizer.prompts([*questions, *(chat_template.prompt([], question) for question in questions)])
    model, rows = classifiers.build(run), np.arange(len(prompts))
    assert isinstance(model, AnswerModel)
    decoder = Decoder(model, tokenizer.ends, MOST, lambda: None)
    together = decoder.decode(Ragged.of(prompts, 4096), rows)
    written = [tokens[tokens != AFTER].tolist() for tokens in together.tokens]
    alone = [decoder.decode(Ragged.of([prompt], 4096), np.arange(1)) for prompt in prompts]
    generated, nats = zip(*(_generated(whole, prompt, tokenizer.ends) for prompt in prompts), strict=True)
    ended = sum(tokens[-1] in tokenizer.ends for tokens in written)
    lengths = sorted(map(len, prompts))
    print(f"    {len(prompts)} prompts of {lengths[0]} to {lengths[-1]} tokens, {ended} answers end by themselves")
    CHECKS.append(check("answers other than those of generate", other(written, generated), 0))
    CHECKS.append(
        check(
            "answers of a batch other than alone",
            other(together.tokens.tolist(), [single.tokens[0].tolist() for single in alone]),
            0,
        )
    )
    own = together.log_probability
    CHECKS.append(check("their log-probabilities against generate, nats", float(np.abs(own - np.array(nats)).max()), 1e-2))
    apart = np.array([single.log_probability[0] for single in alone])
    CHECKS.append(check("their log-probabilities in a batch against alone, nats", float(np.abs(own - apart).max()), 1e-2))
    _losses(prompts, written, model, whole)


def _losses(prompts: list[list[int]], written: list[list[int]], model: AnswerModel, whole: Any) -> None:
    """Compare the loss of answers, their prompts mquestions, with that of transformers, and those of a batch with one by one."""
    both = Continuations(
        Ragged.of([prompt + tokens for prompt, tokens in zip(prompts, written, strict=True)], 4096),
        np.array([len(prompt) for prompt in prompts]),
    )
    with torch.no_grad():
        costs = model(*both.batch(np.arange(len(prompts))))
        alone = torch.cat([model(*both.batch(np.array([row]))) for row in range(len(prompts))])
        expected = []
        for prompt, tokens in zip(prompts, written, strict=True):
            labels = torch.tensor([[-100] * len(prompt) + tokens])
            expected.append(whole(input_ids=torch.tensor([prompt + tokens]), labels=labels).loss)
    CHECKS.append(
        check("loss of answers against transformers, nats a token", float((costs - torch.stack(expected)).abs().max()), 1e-3)
    )
    CHECKS.append(check("loss of answers in a batch against alone, nats a token", float((costs - alone).abs().max()), 1e-3))


def _generated(whole: Any, prompt: list[int], ends: tuple[int, ...]) -> tuple[list[int], float]:
    """Return the tokens that transformers' own generation writes after ``prompt``, and their log-probability in nats."""
    ids = torch.tensor([prompt])
    options = {"max_new_tokens": MOST, "do_sample": False, "eos_token_id": list(ends), "pad_token_id": ends[0]}
    with torch.no_grad():
        output = whole.generate(
            ids, attention_mask=torch.ones_like(ids), output_logits=True, return_dict_in_generate=True, **options
        )
    tokens: list[int] = output.sequences[0, len(prompt) :].tolist()
    nats = sum(float(step[0].float().log_softmax(-1)[token]) for step, token in zip(output.logits, tokens, strict=True))
    return tokens, nats


def other(actual: Sequence[list[int]], expected: Sequence[list[int]]) -> int:
    return sum(left != right for left, right in zip(actual, expected, strict=True))


def column(texts: list[str]) -> Any:
    import pyarrow as pa

    return pa.chunked_array([texts])


def far(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual - expected).abs().max() / expected.abs().max())


def chat(whole: Any, folder: Path) -> None:
    from transformers import AutoTokenizer

    reader: Any = AutoTokenizer.from_pretrained(folder)  # nosec B615
    question = "What is the capital of France?"
    messages = [{"role": "user", "content": question}]
    prompt = reader.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    own = backbone.tokenizer(a_run()).encode(ChatTemplate(a_run()).prompt([], question)).ids
    CHECKS.append(check("tokens of a chat other than those of transformers", float(own != prompt["input_ids"][0].tolist()), 0))
    with torch.no_grad():
        said = reader.decode(whole.generate(**prompt, max_new_tokens=12, do_sample=False)[0][prompt["input_ids"].shape[1] :])
    print(f"    in its own chat template it says: {said.strip()}")
    CHECKS.append(check("answers without Paris", float("Paris" not in said), 0))


CHECKS: list[bool] = []


def main() -> int:
    torch.set_num_threads(threads.allowed()[0])
    source: Path = embedded_decoder._packaged()
    texts = pq.read_table(catalog.dataset("movie-reviews").path)["text"].to_pylist()
    with tempfile.TemporaryDirectory() as work:
        whole = conversion(source, Path(work))
        steps: list[Callable[[], None]] = [
            lambda: tokens(texts, source),
            lambda: states(texts[:ROWS], whole),
            lambda: answers(texts[:PROMPTS], whole),
            lambda: chat(whole, Path(work)),
        ]
        for step in steps:
            step()
    return 0 if all(CHECKS) else 1


if __name__ == "__main__":
    sys.exit(main())
