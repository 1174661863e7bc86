"""``data``: list, fetch, preview, check and add data sets."""

import argparse
from pathlib import Path

from training import catalog
from training.cli.streams import json_lines, stop_requests

HELP = "List, fetch, preview (look), check and add data sets. Prints JSON lines, the result last."

FILES = "CSV, JSON lines, Parquet or a zip of images, up to 1 GB, or a folder of images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="WHAT", dest="what")
    commands.add_parser("list", help="embedded data sets, those in the library, and registered ones that are not fetched")
    fetch = commands.add_parser(
        "fetch", help="load a registered data set from the Hub, or make one from a seed, check it, and add it to the library"
    )
    fetch.add_argument(
        "name", help=f"one of: {', '.join(catalog.REGISTERED)}; a made one may end in its seed, as arithmetic-steps-seed-7"
    )
    fetch.add_argument("--from", dest="mirror", type=Path, metavar="FOLDER", help="a folder in the layout of the Hub")
    look = commands.add_parser("look", help="the columns and first rows of a file")
    look.add_argument("file", type=Path)
    for name, text in (("check", "check a file without adding it"), ("add", "check a file and add it to the library")):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "file", type=Path, help="CSV, JSON lines, Parquet or a zip of images up to 1 GB, or a folder of images"
        )
        command.add_argument("--mapping", type=Path, required=True, metavar="FILE", help="the column mapping, as JSON")
        if name == "check":
            command.add_argument("--out", type=Path, metavar="FOLDER", help="leave the checked data set here")
        else:
            command.add_argument("--name", required=True, help="its name in experiments")
            for field in ("title", "source", "licence", "citation"):
                command.add_argument(f"--{field}", default="")


def run(options: argparse.Namespace) -> int:
    # DuckDB and pyarrow cost a fifth of a second, for which the training child need not wait.
    from training.engine.data.command import run as answer

    with json_lines() as write, stop_requests() as should_stop:
        return answer(options, lambda notice: write(notice.model_dump(mode="json")), should_stop)
