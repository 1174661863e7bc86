"""One optimiser step of the engine beside the matrix products in it, and what else it is made of."""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from training import RunSpec, Store
from training.engine.checkpoint import CheckpointFile
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.data.tokens import cached_word_pieces
from training.engine.determinism import make_deterministic
from training.engine.loop import Loop
from training.engine.models import backbone, classifiers
from training.engine.selection import Selection
from training.engine.targets.supervisor_labels import targets
from training.engine.targets.training_set import TrainingSet

TERMS = {
    "linear layers": ("aten::addmm", "aten::mm"),
    "attention": ("aten::bmm", "aten::baddbmm", "aten::_softmax", "aten::_scaled", "aten::softmax"),
    "norms, activations": ("aten::native_layer_norm", "aten::gelu", "aten::tanh"),
    "embedding": ("aten::embedding", "aten::index"),
    "optimiser": ("aten::_fused", "Optimizer"),
    "memory: fill, copy, cast": ("aten::fill_", "aten::zero_", "aten::copy_", "aten::_to_copy", "aten::clone", "aten::empty"),
    "sums and other arithmetic": ("aten::add", "aten::sum", "aten::mul", "aten::div"),
}
HEADS = 12


def make_loop(run: RunSpec, folder: Path) -> Loop:
    store, examples = Store(folder), load_examples(run.dataset, run.fingerprint)
    rows = split_for(run, examples.group).half(run.half).train
    inputs = cached_word_pieces(run, examples.text, "a", backbone.tokenizer(run), store, lambda: False)
    model, labels = classifiers.build(run, inputs.used(rows)), targets(examples, rows, None)
    training_set = TrainingSet(rows, labels, rows[:0], labels[:0], len(rows))
    return Loop(
        run, model, inputs, training_set, CheckpointFile(store, "c"), lambda _: None, lambda: False, Selection(run, folder)
    )


def products(run: RunSpec, lengths: np.ndarray) -> Callable[[], None]:
    """The matrix products of one step forward and backward over texts of these ``lengths``, with no padding at all."""
    shape, tokens = backbone.shape(run), int(lengths.sum())
    kind = torch.bfloat16 if run.precision == "bf16" else torch.float32
    weights = [torch.randn(out, width, dtype=kind) for width, out in [(shape.width,) * 2] * 4 + [(shape.width, 4 * shape.width)]]
    weights.append(torch.randn(shape.width, 4 * shape.width, dtype=kind))
    inside = {width: torch.randn(tokens, width, dtype=kind) for width in (shape.width, 4 * shape.width)}
    groups = [(int(length), int(count) * HEADS) for length, count in zip(*np.unique(lengths, return_counts=True), strict=True)]
    heads = [torch.randn(count, length, shape.width // HEADS, dtype=kind) for length, count in groups]
    scores = [torch.randn(count, length, length, dtype=kind) for length, count in groups]

    def multiply() -> None:
        for _ in range(shape.layers or 0):
            for weight in weights:
                out, width = weight.shape
                torch.mm(inside[width], weight.t())
                torch.mm(inside[out], weight)
                torch.mm(inside[out].t(), inside[width])
            for head, score in zip(heads, scores, strict=True):
                for _ in range(2):  # queries with keys and scores with values, each with two gradients
                    torch.bmm(head, head.transpose(1, 2))
                    torch.bmm(score, head)
                    torch.bmm(score.transpose(1, 2), head)

    return multiply


def report(run: RunSpec, threads: int, steps: int) -> None:
    make_deterministic(run.seed)
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        loop = make_loop(run, Path(folder))
        floor, taken, clock, tokens = [], [], [], []
        for _ in range(steps):
            lengths = loop.passes.inputs.lengths[loop.rows[loop._batch()]]  # type: ignore[attr-defined]
            multiply = products(run, lengths)
            multiply()
            floor.append(timed(process_time, multiply))
            begun = perf_counter()
            taken.append(timed(process_time, loop._train_step))
            clock.append(perf_counter() - begun)
            tokens.append(int(lengths.sum()))
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            loop._train_step()
    floor, taken, clock, tokens = floor[2:], taken[2:], clock[2:], tokens[2:]
    print(f"{run.model}, {run.precision}, {threads} threads, {median(tokens):.0f} tokens in a batch of {run.batch_size}")
    print(f"products {1e3 * median(floor):.0f} ms and step {1e3 * median(taken):.0f} ms of processor", end=", ")
    print(f"step {1e3 * median(clock):.0f} ms on the clock")
    print(f"ratio {median(step / bare for step, bare in zip(taken, floor, strict=True)):.2f}", end=", ")
    print(f"{run.batch_size / median(clock):.1f} rows/s, {median(tokens) / median(clock):.0f} tokens/s")
    spent: Counter[str] = Counter()
    for event in profiled.key_averages():
        name = next((term for term, starts in TERMS.items() if event.key.startswith(starts)), "the rest: Python, views")
        spent[name] += event.self_cpu_time_total / 1e3
    print(", ".join(f"{name} {spent[name] / spent.total():.0%}" for name in [*TERMS, "the rest: Python, views"]), flush=True)


def timed(clock: Callable[[], float], work: Callable[[], None]) -> float:
    begun = clock()
    work()
    return clock() - begun


if __name__ == "__main__":
    raise SystemExit("python -m tests.benchmarks.engine")
