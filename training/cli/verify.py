"""``verify``: verify an archive as a laboratory does before an import."""

import argparse
from pathlib import Path

from pydantic import BaseModel

from training.cli.streams import json_lines, stop_requests

HELP = "Verify an archive as a laboratory does before an import; print JSON lines."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", type=Path, help="the zip file")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for its content, replaced once the archive is valid"
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="compare with the runs in this folder")
    parser.add_argument("--largest", type=int, metavar="BYTES", help="largest unpacked size")
    parser.add_argument("--reserve", type=int, default=0, metavar="BYTES", help="disk space that must stay free")


def run(options: argparse.Namespace) -> int:
    from training.engine.verification.command import run as verify

    with json_lines() as write, stop_requests() as should_stop:

        def write_notice(notice: BaseModel) -> None:
            write(notice.model_dump(mode="json"))

        return verify(options.archive, options.out, options.store, options.largest, options.reserve, write_notice, should_stop)
