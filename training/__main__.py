"""``python -m training``: see training/cli/."""

import logging
import os
import sys

from training.cli.main import main


def program() -> None:
    """Execute the command in ``sys.argv``, and end the process."""
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Libraries have threads of C++ that are still running: now and then they abort a process that ends in the usual way.
    os._exit(code)


if __name__ == "__main__":
    program()
