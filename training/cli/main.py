"""The engine without the web: python"""

import argparse
import logging
import sys
from typing import Protocol

from training import environment
from training.catalog import library, packages
from training.cli import attribution, data, doctor, execute, export, outside, plan, push, run, schema, serve, verify
from training.cli.exits import BAD_INPUT, BadInput
from training.file_permissions import restrict_permissions
from training.threads import wait_passively


class Command(Protocol):
    """Interface of the module of a command."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, options: argparse.Namespace) -> int:
        """Execute the command and return its exit code. Raises BadInput."""
        ...


COMMANDS: dict[str, Command] = {
    "plan": plan,
    "run": run,
    "push": push,
    "schema": schema,
    "export": export,
    "words": attribution,
    "verify": verify,
    "execute": execute,
    "serve": serve,
    "data": data,
    "outside": outside,
    "doctor": doctor,
}


TRAINING = ("run", "words", "export", "execute", "serve", "doctor")
"""The commands that need torch."""


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        if options.named in TRAINING and not packages.engine():
            raise BadInput(packages.NO_ENGINE)
        wait_passively()
        restrict_permissions()
        environment.home(instead=library.folder().parent)
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        code: int = options.command(options)
    except (BadInput, environment.SettingError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return code


def parser() -> argparse.ArgumentParser:
    prog = "w2s" if sys.argv[0] == "w2s" else "python -m training"
    command_line = argparse.ArgumentParser(prog=prog, description=__doc__)
    commands = command_line.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_arguments(added)
        added.set_defaults(command=command.run, named=name)
    return command_line
