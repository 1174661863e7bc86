"""Record the state of a laboratory as a fixture: ``python -m tests.webapp.stored_state.record FOLDER``, some seconds.

Run it in a checkout of the commit whose state later code has to open. It starts that commit's own laboratory, uploads a small
data set, trains an experiment, shares it and exports it. FOLDER/state.tar.xz gets its files, and FOLDER/answers.json the answers
of the API and the numbers on the page of the share.
"""

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

from tests.lab import Lab
from tests.webapp.stored_state.page_numbers import numbers

GOOD = ("fine", "warm", "clear", "lively", "gentle", "bright", "honest", "clever", "tender", "crisp")
BAD = ("dull", "cold", "muddy", "flat", "harsh", "grey", "hollow", "clumsy", "stale", "loud")
NEUTRAL = [f"word{number}" for number in range(60)]
MAPPING = {
    "kind": "labelled",
    "text": "body",
    "label": "verdict",
    "classes": [{"name": name, "values": [name]} for name in ("no", "yes")],
    "group": None,
}
SPEC = {
    "name": "Before",
    "weak": {"models": ["bag-of-words"], "epochs": 1, "lr": 0.01},
    "strong": {"models": ["bag-of-words"], "epochs": 6, "lr": 0.02},
    "methods": [{"kind": "naive"}, {"kind": "confidence"}, {"kind": "bagging", "members": 2}, {"kind": "mixed"}],
    "seeds": 2,
    "data": {"name": "notes", "test_fraction": 0.4, "locked_fraction": 0.2},
}
LEFT_OUT = ("static", "logs", "examples", "uploads", "up.lock", "secret-key")
LARGE = ("offline.html", "paper.pdf", "card.png")
"""Files of a share that hold fonts and programs. Each file is compared with its own checksum, so that the others open without."""


def rows_of_csv() -> str:
    draw = random.Random(17)
    lines = ["body,verdict"]
    for number in range(420):
        label, other = (GOOD, BAD) if number % 2 == 0 else (BAD, GOOD)
        words = draw.sample(NEUTRAL, 7) + draw.sample(label, 3) + draw.sample(other, draw.choice([0, 0, 1]))
        draw.shuffle(words)
        lines.append(f"{' '.join(words)},{'yes' if label is GOOD else 'no'}")
    return "\n".join(lines) + "\n"


def record(lab: Lab, folder: Path) -> dict[str, Any]:
    """Make the experiment, its shares and its archive; return what the laboratory answers about them."""
    table = folder / "notes.csv"
    table.write_text(rows_of_csv())
    status, upload = lab.upload("/datasets", table, name="notes", mapping=MAPPING)
    assert status == 202, upload
    lab.until(lambda: lab.call("GET", f"/imports/{upload['id']}")[1]["state"] == "saved")
    pk = lab.launch(SPEC)
    assert lab.finished(pk)["state"] == "finished"
    choices = {"title": "What it recovers", "notes": "Seen once, $x^2$.", "examples": "all"}
    share = lab.call("POST", f"/experiments/{pk}/shares", choices)[1]
    lab.call("POST", f"/experiments/{pk}/shares?live=true", {"title": "As it is"})
    link = lab.call("POST", f"/shares/{share['slug']}/links", {"name": "A reader"})[1]
    example = lab.call("GET", f"/experiments/{pk}/examples")[1]["examples"][0]["id"]
    lab.call("POST", f"/experiments/{pk}/examples/{example}/notes", {"text": "A remark"})
    headers = {"Authorization": f"Bearer {lab.token}"}
    request = urllib.request.Request(f"{lab.url}/api/v1/experiments/{pk}/archive", headers=headers)
    (folder / "archive.zip").write_bytes(urllib.request.urlopen(request).read())
    page = build_opener(HTTPCookieProcessor(lab.jar)).open(f"{lab.url}/shares/{share['slug']}/").read().decode()
    experiment = lab.experiment(pk)
    return {
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip(),
        "experiment": experiment,
        "events": {run["key"]: len(lab.events(run["run"])) for run in experiment["runs"]},
        "counts": lab.call("GET", f"/experiments/{pk}/examples/counts")[1],
        "shares": lab.call("GET", "/shares")[1],
        "link": urlsplit(link["url"]).path,
        "page": numbers(page),
    }


def trim(data: Path) -> None:
    """Remove what the tests do not open, and the sessions."""
    for path in [*(data / name for name in LEFT_OUT), *data.glob("broker*"), *data.glob("*.sock")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in (data / "shares").glob("*/*"):
        if path.name in LARGE:
            path.unlink()
    with closing(sqlite3.connect(data / "lab.sqlite3", isolation_level=None)) as database:
        database.execute("pragma journal_mode = delete")
        database.execute("delete from django_session")
        database.execute("vacuum")


def pack(folder: Path, target: Path) -> None:
    """Pack the data folder and the archive, whose files are stored plainly: those that both hold then take room once."""
    with (
        zipfile.ZipFile(folder / "archive.zip") as old,
        zipfile.ZipFile(folder / "experiment.zip", "w", zipfile.ZIP_STORED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with tarfile.open(target, "w:xz", preset=9) as tar:
        tar.add(folder / "data", "data")
        tar.add(folder / "experiment.zip", "experiment.zip")


def main() -> None:
    target = Path(sys.argv[1])
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with Lab(folder / "data") as lab:
            answers = record(lab, folder)
        trim(folder / "data")
        pack(folder, target / "state.tar.xz")
    (target / "answers.json").write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
