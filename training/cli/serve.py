"""``serve``: the fork server of a worker."""

import argparse

from training.cli.exits import DONE
from training.fork_server import serve

HELP = "Waits for a worker to ask for trainings on the socket that is its stdin; trains each in a fork of itself."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command takes no arguments."""


def run(options: argparse.Namespace) -> int:
    from training.cli.main import main  # which imports this module

    serve(lambda store: main(["execute", "--store", store]))
    return DONE
