"""``serve``: the fork server of a worker."""

import argparse

from training.cli.exits import DONE
from training.fork_server import serve

HELP = "Wait for the requests of a worker on the socket that is stdin; train each run in a fork of this process."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command takes no arguments."""


def run(options: argparse.Namespace) -> int:
    from training.cli.main import main  # which imports this module

    serve(lambda store: main(["execute", "--store", store]))
    return DONE
