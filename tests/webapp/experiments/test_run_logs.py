"""Logs of runs are kept within bounds while trainers write to them, and their ends can be searched."""

from pathlib import Path

import pytest

from webapp.experiments import run_logs


def test_a_log_that_is_too_large_keeps_its_beginning_and_its_end_and_says_what_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("LARGEST", 100), ("HEAD", 20), ("TAIL", 30)):
        monkeypatch.setattr(run_logs, name, size)
    path = tmp_path / "some.log"
    with path.open("ab", buffering=0) as trainer:
        trainer.write(b"the beginning" + b"." * 87)
        run_logs.trim(path)
        assert path.stat().st_size == 100, "it may be as large as that"
        trainer.write(b"x" * 50 + b"the end")
        run_logs.trim(path)
        trainer.write(b", and more")
    text = path.read_text()
    assert text == "the beginning.......\n… 107 bytes were left out here …\n" + "x" * 23 + "the end, and more"


def test_the_last_lines_with_a_word_are_listed_in_any_case() -> None:
    path = run_logs.path_of("0" * 64)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"line {number}\nStep {number}\n" for number in range(300)))
    assert run_logs.lines("0" * 64)[-1] == "Step 299"
    assert len(run_logs.lines("0" * 64)) == run_logs.LINES
    assert run_logs.lines("0" * 64, "STEP 29", 3) == ["Step 297", "Step 298", "Step 299"]
    assert run_logs.lines("0" * 64, "nowhere") == []
    path.unlink()
    assert run_logs.lines("0" * 64) == []
