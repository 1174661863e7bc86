"""``verify``: verify an archive as a laboratory does before an import."""

import argparse
from pathlib import Path

from pydantic import BaseModel

from training.cli.streams import json_lines, stop_requests

HELP = "Verifies an archive as a laboratory does before it imports it. Prints JSON lines."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", type=Path, help="the zip file")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="is replaced by what was in it, once it is right"
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="compare with the runs that this folder has too")
    parser.add_argument("--largest", type=int, metavar="BYTES", help="that it may unpack to")
    parser.add_argument("--reserve", type=int, default=0, metavar="BYTES", help="of the disk that must stay free")


def run(options: argparse.Namespace) -> int:
    from training.engine.verification.command import run as verify

    with json_lines() as write, stop_requests() as should_stop:

        def write_notice(notice: BaseModel) -> None:
            write(notice.model_dump(mode="json"))

        return verify(options.archive, options.out, options.store, options.largest, options.reserve, write_notice, should_stop)
