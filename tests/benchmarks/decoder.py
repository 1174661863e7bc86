"""The real SmolLM2, held to its file, to transformers and to itself: python -m tests.benchmarks.decoder"""

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from training import ExperimentSpec, RunSpec, catalog, make_plan, threads
from training.engine.data.tokens import word_pieces
from training.engine.models import backbone, embedded_decoder, gguf_files
from training.engine.models.inputs import Ragged

NAME = "smollm2-135m-instruct"
ROWS = 24


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


def column(texts: list[str]) -> Any:
    import pyarrow as pa

    return pa.chunked_array([texts])


def far(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual - expected).abs().max() / expected.abs().max())


def chat(whole: Any, folder: Path) -> None:
    from transformers import AutoTokenizer

    reader: Any = AutoTokenizer.from_pretrained(folder)  # nosec B615
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = reader.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
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
            lambda: chat(whole, Path(work)),
        ]
        for step in steps:
            step()
    return 0 if all(CHECKS) else 1


if __name__ == "__main__":
    sys.exit(main())
