"""Which words an answer hangs on: worked out in a child process, by the worker of chores."""

import signal
import subprocess
import sys
from collections.abc import Sequence

from django.conf import settings
from pydantic import ValidationError

from training.command_output import Attribution
from training.fork_server import die_with_parent
from webapp.attributions import services
from webapp.attributions.models import Question
from webapp.database_outages import patiently

NO_ANSWER = "The models could not be asked; words.log has the cause."
TOO_LONG = "It took longer than two minutes."


def erase(asked: Sequence[Question]) -> None:
    """Answers questions about one example."""
    runs = [one.key for one in asked]
    command = [sys.executable, "-m", "training", "words", str(asked[0].example), *runs, "--store", str(settings.ARTIFACTS_DIR)]
    settings.LOG_DIR.mkdir(parents=True, exist_ok=True)
    otherwise, output = NO_ANSWER, b""
    with (settings.LOG_DIR / "words.log").open("ab") as log:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                timeout=services.LONGEST_SECONDS,
                check=False,
                preexec_fn=lambda: die_with_parent(signal.SIGKILL),
                cwd=settings.BASE_DIR,
            )
            output = done.stdout
        except subprocess.TimeoutExpired as late:
            otherwise, output = TOO_LONG, late.stdout or b""
    patiently(lambda: services.answer(asked, _read(output), otherwise))


def _read(output: bytes) -> list[Attribution]:
    found = []
    for line in output.splitlines():
        try:
            found.append(Attribution.model_validate_json(line))
        except ValidationError:
            continue  # cut off, or said by a library
    return found
