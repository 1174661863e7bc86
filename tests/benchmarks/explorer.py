"""Response times of the page of disagreements: a million test examples, fifty views, one person and twenty at once.

python -m tests.benchmarks.explorer --rows 1000000 --people 20
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import django
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.live_viewers import session_cookie
from tests.lab import Lab
from training import RunSpec, Store, catalog
from training.storage.checksums import digest
from training.storage.predictions import Predictions, Trajectory

STEPS = np.arange(0, 11) * 100

WHAT = (
    *(
        "",
        "cell=5",
        "cell=6",
        "cell=3&cell=4",
        "cell=7&gold=1",
        "cell=5&weak_min=.6&weak_max=.95",
        "student_min=.9",
        "student_max=.6",
    ),
    *("ceiling_min=.8&gold=0", "shift_min=.3", "shift_min=.2&shift_max=.5&cell=1", "flip_min=100&flip_max=400", "length_min=30"),
    *("length_max=10&gold=1", "weak_max=.6&student_min=.8", "gold=1", "weak_min=.7&student_min=.7&ceiling_min=.7"),
    *("q=w123", "q=good+movie", "q=w17+w20&cell=5", "q=not+good&mode=phrase", "q=very+bad&mode=phrase&gold=0"),
    *("q=good.*bad&mode=regex", "q=w1[0-9]%2B+not&mode=regex&cell=7", "q=w19999"),
)
HOW = ("", "sort=corrections", "sort=regressions", "sort=blind", "sort=errors", "sort=length", "sort=id")
MAPPED = ("map=shown", "map=shown&x_min=0&y_max=8", "map=shown&cell=5&x_min=-10", "map=shown&q=w123&x_max=0", "y_min=0&gold=1")
WIDTH = 384
"""Width of the features that a map is made from."""

VIEWS = [f"{what}&{HOW[at % len(HOW)]}" if turn else what for turn in range(2) for at, what in enumerate(WHAT)]


def make(rows: int, folder: Path) -> None:
    """Texts of 8 to 44 words with a long tail of words, a fifth of the rows in shared groups, and three runs on them."""
    rng = np.random.default_rng(0)
    words = np.array(["the", "good", "bad", "movie", "plot", "not", "very", *(f"w{at}" for at in range(20_000))])
    lengths = rng.integers(8, 45, rows)
    flat = words[np.minimum(rng.zipf(1.3, lengths.sum()) - 1, len(words) - 1)]
    ends = np.cumsum(lengths)
    texts = [" ".join(flat[begin:end]) for begin, end in zip(ends - lengths, ends, strict=True)]
    ids = np.sort(rng.choice(2**62, rows, replace=False))
    gold = rng.integers(0, 2, rows).astype(np.int8)
    group = np.where(rng.random(rows) < 0.2, rng.integers(0, rows // 20, rows), ids)
    library = folder / "datasets"
    library.mkdir(parents=True)
    table = pa.table({"id": ids, "text": texts, "label": gold, "group": group})
    pq.write_table(table, library / "made.parquet", compression="zstd")
    (library / "made.parquet").rename(library / f"{digest(library / 'made.parquet')}.parquet")
    np.savez(folder / "made.npz", ids=ids, gold=gold, group=group)


def record(folder: Path) -> int:
    """An experiment whose runs have finished on these rows."""
    os.environ |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests.factories.experiments import launched
    from webapp.experiments.models import Status
    from webapp.pages.accounts.one_time_links import first_account

    experiment = launched(first_account(), methods=[{"kind": "naive"}])
    made = np.load(folder / "made.npz")
    rng, store, n = np.random.default_rng(1), Store(folder / "artifacts"), len(made["ids"])
    hard = rng.random(n)
    for run in experiment.runs.all():
        share = {"weak": 0.66, "student": 0.71, "ceiling": 0.79}[run.parts.first().role]  # type: ignore[union-attr]
        right = 0.7 * hard + 0.3 * rng.random(n) < np.quantile(hard, share)
        prob = np.where(right == (made["gold"] == 1), 0.5 + rng.random(n) / 2, rng.random(n) / 2).astype(np.float32)
        split = np.full(n, "test")
        store.write_predictions(run.key, Predictions(made["ids"], split, made["group"], made["gold"], prob))
        path = np.linspace(0.5, prob, len(STEPS)).astype(np.float32)
        store.write_trajectory(run.key, Trajectory(STEPS, made["ids"], path, np.full(len(STEPS), 0.5), 1000))
        (dataset,) = (folder / "datasets").glob("*.parquet")
        run.status, run.spec["fingerprint"] = Status.FINISHED, dataset.stem
        run.save()
    leave_features(experiment.runs.get(key=experiment.triplets[0]["student"]).run_spec, folder, n)
    return int(experiment.pk)


def leave_features(run: RunSpec, folder: Path, rows: int) -> None:
    """Return features as a probe of this run would have read; wider along some axes than along others."""
    model = catalog.known_model(run.model)
    assert model is not None
    file = Store(folder / "artifacts").features_file(run, model.layers, "mean", "fp32")
    file.parent.mkdir(parents=True, exist_ok=True)
    made = np.lib.format.open_memmap(file, "w+", np.float32, (rows, WIDTH))
    rng = np.random.default_rng(2)
    for begin in range(0, rows, 20_000):
        part = made[begin : begin + 20_000]
        part[:] = rng.standard_normal(part.shape, np.float32) * (10 / np.sqrt(np.arange(1, WIDTH + 1, dtype=np.float32)))


def ask(address: str, cookie: str) -> bool:
    """Return True if the page shows its view, False if it only says that its files are being made."""
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Cookie": cookie}), timeout=120) as answer:
        return b'id="cell-8"' in answer.read()


def fetch(address: str, cookie: str) -> float:
    begun = time.perf_counter()
    assert ask(address, cookie)
    return time.perf_counter() - begun


def crowd(people: int, address: Callable[[int, int], str], cookie: str) -> dict[str, float]:
    """Everybody asks for ten views, one after the other; ``address`` is by person and view."""
    taken: list[float] = []

    def person(number: int) -> None:
        order = np.random.default_rng(number).permutation(len(VIEWS))[:10]
        taken.extend(fetch(address(number, int(at)), cookie) for at in order)

    threads = [threading.Thread(target=person, args=(number,)) for number in range(people)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return summary(taken) | {"pages a second": round(len(taken) / (time.perf_counter() - begun), 1)}


def first_look(folder: Path, pk: int) -> dict[str, float]:
    """Without any file."""
    shutil.rmtree(folder / "examples")
    with Lab(folder) as lab:
        return wait_for(f"{lab.url}/experiments/{pk}/examples/", session_cookie(lab))


def wait_for(page: str, cookie: str) -> dict[str, float]:
    """Seconds until the page answers, and until it shows its view."""
    begun = time.perf_counter()
    there = ask(page, cookie)
    answered = time.perf_counter() - begun
    while not there:
        time.sleep(1)
        there = ask(page, cookie)
    return {"answered, s": round(answered, 1), "shown, s": round(time.perf_counter() - begun, 1)}


def resident(pid: int) -> int:
    """Megabytes of memory."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def summary(seconds: list[float]) -> dict[str, float]:
    return {f"p{at}": round(1000 * float(np.percentile(seconds, at)), 0) for at in (50, 95, 100)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="w2s-bench-") as name:
        folder = Path(name)
        make(arguments.rows, folder)
        pk = record(folder)
        begun = time.perf_counter()
        subprocess.run([sys.executable, "manage.py", "prepare", str(pk)], check=True)
        prepared = round(time.perf_counter() - begun, 1)
        with Lab(folder) as lab:
            cookie, page = session_cookie(lab), f"{lab.url}/experiments/{pk}/examples/"
            (server,) = lab.processes("w2s-web")
            figures = {
                "rows": arguments.rows,
                "files made beforehand, s": prepared,
                "first view, s": round(fetch(page, cookie), 1),
                "MB before": resident(server),
            }
            alone = [fetch(f"{page}?{view}", cookie) for view in VIEWS]
            figures |= {"alone, ms": summary(alone), "slowest": VIEWS[int(np.argmax(alone))], "MB after 50": resident(server)}
            figures |= {"first map": wait_for(f"{page}?map=shown", cookie), "MB after the map": resident(server)}
            for view in MAPPED:
                figures[f"{view}, ms"] = summary([fetch(f"{page}?{view}&weak_max=.9{number}", cookie) for number in range(3)])
            figures["again, ms"] = summary([fetch(f"{page}?{view}", cookie) for view in VIEWS])
            figures["people"] = arguments.people
            figures["together, views that were shown, ms"] = crowd(
                arguments.people, lambda number, at: f"{page}?{VIEWS[at]}", cookie
            )
            figures["together, views of their own, ms"] = crowd(
                arguments.people, lambda number, at: f"{page}?{VIEWS[at]}&weak_max=.99{number:02}", cookie
            )
            figures["MB at the end"] = resident(server)
            figures["files, MB"] = sum(path.stat().st_size for path in (folder / "examples").rglob("*.duckdb")) // 2**20
        figures["without files"] = first_look(folder, pk)
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
