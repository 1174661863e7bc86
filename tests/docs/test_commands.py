"""Every command of the pages is one that exists, with the arguments that it takes."""

import argparse
import re
import subprocess
import sys

from tests.docs.pages import ROOT, commands, pages
from tests.docs.reference import management, subcommands
from training.cli.main import parser
from webapp.console import LABORATORY
from webapp.stack import CHORES_QUEUE, worker_command

TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OURS = {"make", "python", ".venv/bin/python", "w2s"}
OTHERS = {"export", "curl", "cp", "ls", "mv", "pip", "openssl", "git", "RUN", "TOKEN", "CUDA_VISIBLE_DEVICES", "W2S_PROCESSES"}
OTHERS |= {"docker", "echo", "chmod", "chown", "mkdir", "useradd", "install", "systemctl", "deploy/make-secrets", "aws"}
"""Programs that are not ours, and variables before a command. Their blocks are executed by tests, or need another machine."""

COMMANDS = list(commands())


def called(*words: str) -> list[list[str]]:
    """Return the arguments after these words, of every command that begins with them."""
    lines = []
    for _, command in COMMANDS:
        for start in range(len(command)):
            if command[start : start + len(words)] == list(words):
                lines.append(command[start + len(words) :])
    return lines


def parsed(parser: argparse.ArgumentParser, arguments: list[str]) -> bool:
    end = next((index for index, word in enumerate(arguments) if word.startswith((">", "|", "&&"))), len(arguments))
    typed = ["1" if word == "ID" else word for word in arguments[:end]]
    try:
        parser.parse_args(typed)
    except SystemExit:
        return False
    return True


def test_every_make_target_of_a_page_exists() -> None:
    in_blocks = {words[0] for words in called("make")}
    in_prose = {name for page in pages() for name in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert {"demo", "test", "up"} <= in_blocks
    assert in_blocks | in_prose <= TARGETS


def test_every_command_of_the_engine_takes_its_arguments() -> None:
    calls = called("python", "-m", "training")
    assert len(calls) > 8
    assert [words for words in calls if not parsed(parser(), words)] == []


def test_every_command_of_the_engine_that_a_sentence_names_exists() -> None:
    named = {name for page in pages() for name in re.findall(r"`python -m training ([a-z]+)", page.read_text())}
    assert named
    assert named <= set(subcommands(parser()))


def test_every_management_command_takes_its_arguments() -> None:
    ours, calls = management(), called("python", "manage.py")
    assert len(calls) > 3
    assert [words for words in calls if words[0] in ours and not parsed(ours[words[0]], words[1:])] == []
    named = {name for page in pages() for name in re.findall(r"manage\.py ([a-z_]+)", page.read_text())}
    django = {"check", "makemigrations", "export_openapi_schema", "createsuperuser"}
    assert named - set(ours) - django == set()


def test_every_module_that_a_page_runs_exists() -> None:
    text = "\n".join(page.read_text() for page in pages())
    modules = set(re.findall(r"python -m (tests[\w.]+)", text))
    assert "tests.docs.reference" in modules
    assert [name for name in modules if not (ROOT / (name.replace(".", "/") + ".py")).exists()] == []


def test_a_block_runs_our_commands_and_known_programs_only() -> None:
    assert {words[0].partition("=")[0] for _, words in COMMANDS} <= OURS | OTHERS


def test_every_command_of_the_package_takes_its_arguments() -> None:
    calls = [command[1:] for _, command in COMMANDS if command[0] == "w2s"]
    assert calls
    assert [words for words in calls if words[0] not in LABORATORY or not parsed(management()[words[0]], words[1:])] == []


def test_a_worker_is_started_with_options_that_celery_has() -> None:
    command = worker_command("gpu0", *CHORES_QUEUE)
    words = command[command.index("worker") :]
    program = [sys.executable, "-m", "celery", "worker", "--help"]
    options = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=False).stdout
    assert [word for word in words if word.startswith("--") and word not in options] == []
