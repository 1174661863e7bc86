"""The blocks that a page marks with ``run`` are executed as they stand, beside the files that the page shows."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks


def executed(page: str, folder: Path) -> str:
    """Run the page's marked blocks as one script in ``folder`` and return what it prints."""
    snippets = blocks(DOCS / page)
    for block in snippets:
        if block.mark.startswith("file: "):
            (folder / block.mark.removeprefix("file: ")).write_text(block.text)
    script = "".join(block.text for block in snippets if block.mark == "run")
    assert script
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "DATA_DIR": str(folder / "data")}
    environment.pop("DATASETS_DIR", None)
    done = subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=environment, check=False, timeout=280, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_a_recipe_is_planned_trained_and_exported_as_the_page_says(tmp_path: Path) -> None:
    executed("howto/command-line.md", tmp_path)
    result = json.loads((tmp_path / "results" / "result.json").read_text())
    assert [(triplet["method"], triplet["seed"]) for triplet in result["triplets"]] == [("naive", 0)]
    assert json.loads((tmp_path / "schema.json").read_text())["title"]
    assert (tmp_path / "model" / "README.md").exists()
    assert list((tmp_path / "labels").rglob("*.parquet"))


@pytest.mark.timeout(300)
def test_a_file_is_looked_at_checked_and_imported_as_the_page_says(tmp_path: Path) -> None:
    with (tmp_path / "comments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "body", "verdict", "author"])
        for number in range(240):
            verdict = ("fine", "toxic", "mild", "toxic")[number % 4]
            writer.writerow([f"Comment {number}", f"words {number * 7919} and {number * 104729}", verdict, f"author {number}"])
    lines = [f"What is {number} + 1?,{number + 1}|{number + 1}.0,{len(str(number))},sums" for number in range(120)]
    (tmp_path / "sums.csv").write_text("\n".join(["question,answer,digits,topic", *lines]))
    said = executed("howto/own-data.md", tmp_path)
    assert '"comments"' in said
    names = ("comments", "sums", "arithmetic-steps", "arithmetic-steps-seed-7")
    assert all((tmp_path / "data" / "datasets" / f"{name}.json").exists() for name in names)
