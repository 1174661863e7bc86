"""A picture that cannot be drawn raises a sentence, and the drawing program is never loaded in this process."""

import subprocess
import sys

import pytest

from webapp.charts import child_programs, picture_files
from webapp.charts.renderers import RENDERERS, NotDrawn


def test_what_cannot_be_drawn_says_so() -> None:
    with pytest.raises(NotDrawn, match="could not be drawn"):
        picture_files.draw({"mark": 7}, "svg")


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_programs, "SECONDS", 0.001)
    with pytest.raises(NotDrawn, match=r"within 0\.001 seconds"):
        picture_files.draw({"mark": "point"}, "png")


def test_the_web_does_not_import_the_program_that_draws() -> None:
    code = "import sys, webapp.charts.picture_files; sys.exit('vl_convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=child_programs.ROOT, timeout=60, check=False).returncode == 0


def test_the_wait_for_a_renderer_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_programs, "SECONDS", 0.001)
    with RENDERERS.turn(1), RENDERERS.turn(1), pytest.raises(NotDrawn, match="Try again in a minute"):
        picture_files.draw({"mark": "point"}, "png")
