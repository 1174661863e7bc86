"""Time and memory from the rows of a large file to a checked data set: a made-up CSV through the real command.

python -m tests.benchmarks.data --rows 1000000
"""

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = [f"word{number}" for number in range(30_000)]
SPARE = 0.02
"""Share of rows that are copies, and of rows that are nearly copies, of an earlier one."""


def write_csv(path: Path, rows: int, seed: int = 0) -> None:
    """Texts of 10 to 60 words with a label that some words hint at, with copies, near copies and a group column."""
    draw = random.Random(seed)
    recent: list[tuple[str, str]] = []
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "body", "label", "author"])
        for number in range(rows):
            chance = draw.random()
            if recent and chance < 2 * SPARE:
                body, label = recent[draw.randrange(len(recent))]
                body += " indeed" if chance < SPARE else ""
            else:
                label = draw.choice(["pos", "neg"])
                words = draw.choices(WORDS, k=draw.randint(10, 60))
                body = " ".join([*words, f"hint{label}" if draw.random() < 0.3 else "nothing"])
            recent = [*recent[-99:], (body, label)]
            writer.writerow([number, f"About {number % 1000}", body, label, f"author {number // 5}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="w2s-bench-") as name:
        folder = Path(name)
        path, mapping = folder / "made.csv", folder / "mapping.json"
        write_csv(path, arguments.rows)
        classes = [{"name": name, "values": [name]} for name in ("neg", "pos")]
        how = {"kind": "labelled", "text": "{body}", "label": "label", "classes": classes, "group": "author"}
        mapping.write_text(json.dumps(how))
        command = [sys.executable, "-m", "training", "data", "add", str(path), "--mapping", str(mapping), "--name", "made"]
        begun, before, phase = time.monotonic(), time.monotonic(), ""
        child = subprocess.Popen(
            command, env=os.environ | {"DATASETS_DIR": str(folder / "shelf")}, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        for line in child.stdout:
            notice = json.loads(line)
            now = notice.get("phase", notice["kind"])
            if now != phase:
                if phase:
                    print(f"{phase}: {time.monotonic() - before:.1f} s")
                phase, before = now, time.monotonic()
        child.wait()
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"{arguments.rows:,} rows, {path.stat().st_size / 2**20:.0f} MB: {time.monotonic() - begun:.0f} s, peak {peak:.0f} MB"
        )
        print(
            {name: notice["card"]["report"][name] for name in ("counts", "neighbours", "baselines")}
            if "card" in notice
            else notice
        )


if __name__ == "__main__":
    main()
