"""A feature bundle of 50,000 x 2,048 features and 1,000 classes: import, training and explorer, with times and memory.

python -m tests.benchmarks.bundles --rows 50000 --epochs 2
"""

import argparse
import json
import re
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.explorer import summary
from tests.benchmarks.live_viewers import session_cookie
from tests.lab import Lab

WEAK, STRONG = 64, 2_048
NOISE = 3.0
"""Spread of the rows of a class, as a multiple of that of the class means: a probe of all features learns the classes."""
VIEWS = (
    *("", "cell=5", "cell=6", "cell=3&cell=4", "cell=7&gold=17", "gold=999", "student_min=.5", "weak_max=.1&student_min=.3"),
    *("shift_min=.3&sort=corrections", "flip_min=10", "q=row+17", "sort=blind", "sort=regressions", "ceiling_min=.2&sort=errors"),
)


EXAMPLES = 12


def make(path: Path, rows: int, classes: int) -> None:
    """Write the bundle: the strong features in half precision, and as weak ones a few of them with more noise."""
    rng = np.random.default_rng(0)
    truth = rng.permutation(np.arange(rows) % classes)
    means = rng.standard_normal((classes, STRONG), np.float32)
    strong = np.empty((rows, STRONG), np.float16)
    for begin in range(0, rows, 5_000):
        part = slice(begin, begin + 5_000)
        noise = rng.standard_normal((len(truth[part]), STRONG), np.float32)
        strong[part] = means[truth[part]] + NOISE * noise
    weak = strong[:, :WEAK].astype(np.float32)
    np.savez(path, X_weak=weak, X_strong=strong, truth=truth)


class Memory:
    """The largest memory of all processes of a laboratory together, and of its trainers, in megabytes of PSS."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.largest, self.over = lab, 0, False
        self.web = 0

    def watch(self) -> None:
        while not self.over:
            sizes = [_pss(pid) for pid in self.lab.processes()]
            self.largest = max(self.largest, sum(sizes))
            self.web = max(self.web, sum(_pss(pid) for pid in self.lab.processes("w2s-web")))
            time.sleep(0.5)


@contextmanager
def watched(lab: Lab) -> Iterator[Memory]:
    memory = Memory(lab)
    thread = threading.Thread(target=memory.watch)
    thread.start()
    try:
        yield memory
    finally:
        memory.over = True
        thread.join()


def _pss(pid: int) -> int:
    """Return the megabytes of a process, shared pages in proportion; 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) // 1024


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    answer = call()
    return answer, round(time.perf_counter() - begun, 1)


def page(address: str, cookie: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Cookie": cookie}), timeout=600) as answer:
        content: bytes = answer.read()
        return content


def add(lab: Lab, file: Path) -> None:
    """Upload the bundle and wait until it is in the library."""
    mapping = {"kind": "features", "arrays": ["X_weak", "X_strong"], "truth": "truth"}
    status, imported = lab.upload("/datasets", file, name="large", mapping=mapping)
    assert status == 202, imported
    final = lab.until(lambda: _ended(lab, imported["id"]), 3_600)
    assert final["state"] == "saved", final


def _ended(lab: Lab, number: int) -> dict[str, Any] | None:
    _, imported = lab.call("GET", f"/imports/{number}")
    return imported if imported["state"] not in ("queued", "running") else None


def explore(lab: Lab, pk: int) -> dict[str, Any]:
    """Return the times of the explorer: the first view, views of their own, examples, their nearest ones and the map.

    The first ones of a web server verify the files that they read.
    """
    cookie, root = session_cookie(lab), f"{lab.url}/experiments/{pk}/examples/"

    def shown(query: str) -> bytes:
        content = page(f"{root}?{query}", cookie)
        return content if b'id="cell-8"' in content else b""

    _, first = timed(lambda: lab.until(lambda: shown(""), 600))
    shown("")
    alone = [1000 * timed_exactly(lambda view=view: shown(view)) for view in VIEWS]  # type: ignore[misc]
    content = shown("cell=5")
    page(f"{lab.url}/experiments/{pk}/", cookie)  # as somebody who comes from there
    numbers = list(dict.fromkeys(re.findall(r"/examples/(\d+)/", content.decode())))[:EXAMPLES]
    examples = [1000 * timed_exactly(lambda number=number: page(f"{root}{number}/", cookie)) for number in numbers]  # type: ignore[misc]
    near = [1000 * timed_exactly(lambda number=number: page(f"{root}{number}/nearby/", cookie)) for number in numbers]  # type: ignore[misc]
    return {
        "first view, s": first,
        "views, ms": summary([value / 1000 for value in alone]),
        "slowest view": VIEWS[int(np.argmax(alone))],
        "first example, ms": round(examples[0]),
        "other examples, ms": summary([value / 1000 for value in examples[1:]]),
        "first nearest examples, ms": round(near[0]),
        "other nearest examples, ms": summary([value / 1000 for value in near[1:]]),
        "first map, s": timed(lambda: lab.until(lambda: shown("map=shown"), 600))[1],
        "map, ms": round(1000 * timed_exactly(lambda: shown("map=shown&cell=5"))),
        "page, KB": len(content) // 1024,
    }


def timed_exactly(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    assert call() is not None
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=1_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--servers", type=int, default=3, help="web servers whose explorer is timed, one after the other")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="w2s-bench-") as name:
        folder = Path(name)
        make(folder / "large.npz", arguments.rows, arguments.classes)
        figures: dict[str, Any] = {"rows": arguments.rows, "classes": arguments.classes, "features": [WEAK, STRONG]}
        figures["file, MB"] = (folder / "large.npz").stat().st_size // 2**20
        spec = {
            "data": {"name": "large"},
            "weak": {"models": ["features:X_weak"], "epochs": 2 * arguments.epochs},
            "strong": {"models": ["features:X_strong"], "epochs": arguments.epochs},
            "methods": [{"kind": "naive"}],
            "seeds": 1,
        }
        with Lab(folder / "lab") as lab:
            with watched(lab) as memory:
                _, figures["import, s"] = timed(lambda: add(lab, folder / "large.npz"))
            figures["import, MB"] = memory.largest
            with watched(lab) as memory:
                done, figures["training, s"] = timed(lambda: lab.finished(lab.launch(spec), 7_200))
            figures["training, MB"] = memory.largest
            figures["accuracies"] = [round(done["result"]["triplets"][0][role], 3) for role in ("weak", "student", "ceiling")]
            with watched(lab) as memory:
                seen = explore(lab, done["id"])
            figures |= {
                "explorer, MB": memory.largest,
                "of the web server, MB": memory.web,
                "first view with its tables, s": seen["first view, s"],
            }
            figures["map with its plane, s"] = seen["first map, s"]
        for _ in range(arguments.servers):
            # A web server that has just started. To measure memory meanwhile would stop it for tens of milliseconds.
            with Lab(folder / "lab") as lab:
                print(json.dumps(explore(lab, done["id"])), flush=True)
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
