"""Files are readable by this account alone, or by a named group, and no secret stands in a log."""

import io
import logging
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import ROOT
from training import log_redaction
from training.log_redaction import REPLACEMENT, redact
from training.storage.atomic import atomic

TOKEN = "cR7-Qm0_Xw5bT1sZkE9yVdHuJ2oLnPgA8fIi6e3tBqM"


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600), (0o007, 0o660)])
def test_a_file_written_atomically_has_the_mode_that_the_umask_gives(tmp_path: Path, umask: None, mask: int, mode: int) -> None:
    os.umask(mask)
    with atomic(tmp_path / "result.json") as path:
        path.write_text("{}")
    assert stat.S_IMODE((tmp_path / "result.json").stat().st_mode) == mode
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


PROGRAMS = [
    "import training.cli.main as m; m.main(['schema'])",
    "import webapp.celery",
    "import webapp.asgi",
    "import runpy, sys; sys.argv = ['manage.py', 'version']; runpy.run_path('manage.py', run_name='__main__')",
]


@pytest.mark.parametrize(("group", "mode", "programs"), [("", 0o600, PROGRAMS), (str(os.getgid()), 0o660, PROGRAMS[:2])])
def test_every_program_closes_what_it_writes_whatever_umask_it_was_started_with(
    tmp_path: Path, group: str, mode: int, programs: list[str]
) -> None:
    """All programs read the group by the same code, so two of them are enough with one."""
    for number, program in enumerate(programs):
        script = f"import os; os.umask(0)\ntry:\n    {program}\nfinally:\n    open({str(tmp_path / str(number))!r}, 'w').close()"
        environ = os.environ | {
            "DATA_GROUP": group,
            "DATA_DIR": str(tmp_path / "data"),
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
        }
        environ.pop("DATASETS_DIR", None)
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environ, check=True, capture_output=True, timeout=60)
    assert [stat.S_IMODE((tmp_path / str(number)).stat().st_mode) for number in range(len(programs))] == [mode] * len(programs)


@pytest.mark.parametrize(
    "line",
    [
        f"Not Found: /login/link/MQ/{TOKEN}/",
        f"Internal Server Error: /password/reset/MQ/{TOKEN}/",
        f"GET http://lab.example.org/s/{TOKEN}/?e=1",
        f'"WebSocket /e/{TOKEN}/gap/" [accepted]',
        f"<ASGIRequest: POST '/join/{TOKEN}/'>",
        f"/login/?next=%2Fs%2F{TOKEN}%2Fcard.png",
        f"Authorization: Bearer {TOKEN}",
        f"{{'authorization': 'Basic {TOKEN}', 'host': 'x'}}",
        f"[(b'authorization', b'Bearer {TOKEN}')]",
        f"cookie: csrftoken={TOKEN}; sessionid={TOKEN}; theme=dark",
        f"/sso/return/?state={TOKEN}&code={TOKEN}",
        f"connection to postgres://lab:{TOKEN}@db/lab failed",
        f"redis://:p/a#s@s{TOKEN}@redis:6379/0",
        f"sent {{'username': 'ada', 'password': '{TOKEN}'}}",
        f"hf_hub_download(token='{TOKEN}')",
    ],
)
def test_whatever_lets_somebody_in_is_replaced(line: str) -> None:
    assert TOKEN not in redact(line)
    assert REPLACEMENT in redact(line)


def test_secrets_of_the_environment_are_replaced_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:not%40easy%2Fto-guess@redis/0")
    monkeypatch.setenv("WEBHOOK_SECRET", "between us two")
    monkeypatch.setenv("WEBHOOK_URL", "https://chat.example.org/hooks/T0001/abcdef")
    assert redact("AUTH not@easy/to-guess; not%40easy%2Fto-guess") == f"AUTH {REPLACEMENT}; {REPLACEMENT}"
    assert redact("signed with between us two") == f"signed with {REPLACEMENT}"
    assert redact("POST /hooks/T0001/abcdef 500") == f"POST {REPLACEMENT} 500"


@pytest.mark.parametrize(
    "line",
    [
        "Internal Server Error: /experiments/7/examples/?e=12",
        'File "/srv/s/lab/webapp/pages/experiments/views.py", line 7, in token_make',
        "run 7 state=finished code=0, 3 tokens: [PAD]",
        "https://lab.example.org/shares/wide-gap/3 of user@example.org",
        "the basic settings of the tokenizer",
    ],
)
def test_what_lets_nobody_in_stays_to_be_read(line: str) -> None:
    assert redact(line) == line


@pytest.mark.parametrize("part", ["a", "/s/", "://", "token=", "bearer ", "%2F", "/login/link/", ":x@"])
def test_a_long_line_of_a_stranger_costs_no_more_than_its_length(part: str) -> None:
    """65,000 letters, as much as a request line may have; what grew with the square would take minutes."""
    started = time.process_time()
    redact(part * (65_000 // len(part)))
    assert time.process_time() - started < 5


def test_no_handler_sees_a_secret_in_message_arguments_or_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    before = logging.getLogRecordFactory()
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    log_redaction.install()
    written = io.StringIO()
    handler, logger = logging.StreamHandler(written), logging.getLogger("tests.redaction")
    logger.addHandler(handler)
    try:
        logger.warning("Not Found: %s", f"/login/link/MQ/{TOKEN}/")
        try:
            raise ValueError(f"no connection to redis://:{TOKEN}@redis:6379")
        except ValueError:
            logger.exception("in /s/%s/", TOKEN)
        handler.setFormatter(logging.Formatter("%(args)s"))
        logger.warning("%s %s", "GET", f"/s/{TOKEN}/")  # as uvicorn's formatter of requests reads them
        sys.excepthook(ValueError, ValueError(f"Bearer {TOKEN}"), None)
    finally:
        logger.removeHandler(handler)
        logging.setLogRecordFactory(before)
    assert TOKEN not in written.getvalue()
    assert written.getvalue().count(REPLACEMENT) == 5
    assert "Traceback (most recent call last)" in written.getvalue()
