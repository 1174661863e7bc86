"""``outside``: list, check and add labels from outside, or send them to a laboratory."""

import argparse
import json
from pathlib import Path

from training.catalog.outside import About
from training.cli.exits import DONE, BadInput
from training.cli.streams import json_lines, stop_requests

HELP = "List, check and add labels from outside, or send them to a laboratory. Prints JSON lines, the result last."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="WHAT", dest="what")
    listing = commands.add_parser("list", help="labels from outside in the library, the newest first")
    listing.add_argument("--dataset", default="", help="those of this data set only")
    texts = {
        "check": "check files of labels without adding them",
        "add": "check files of labels and add them to the library: experiments call them given:NAME",
        "send": "send files of labels to a laboratory, which checks and adds them",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "files", type=Path, nargs="+", help="CSV, JSON lines or Parquet: one for all seeds, or file i for seed i, from 0"
        )
        command.add_argument("--dataset", required=True, help="the data set that they label")
        for field, info in About.model_fields.items():
            command.add_argument(f"--{field}", required=info.is_required(), default="", help=info.description)
        if name == "send":
            command.add_argument(
                "--to", required=True, metavar="URL", help="address of the laboratory; W2S_TOKEN is your API token"
            )
        else:
            command.add_argument("--role", choices=("supervisor", "student"), default="supervisor", help="whose labels they are")
            command.add_argument("--runs", type=Path, metavar="FILE", help="check that they have every row of these runs (JSON)")
    coverage = commands.add_parser("coverage", help="check that added labels have every row that runs need")
    coverage.add_argument("runs", type=Path, metavar="FILE", help="the runs, as a JSON list")


def run(options: argparse.Namespace) -> int:
    if options.what == "send":
        return _send(options)
    # DuckDB and pyarrow cost a fifth of a second, for which the other commands need not wait.
    from training.engine.data.outside_command import run as answer

    with json_lines() as write, stop_requests() as should_stop:
        return answer(options, lambda notice: write(notice.model_dump(mode="json")), should_stop)


def _send(options: argparse.Namespace) -> int:
    import httpx2

    from training.client import Lab, Refused

    about = {field: getattr(options, field) for field in About.model_fields}
    try:
        print(json.dumps(Lab(options.to).add_supervisor(options.dataset, options.files, **about)))
    except (Refused, OSError) as error:
        raise BadInput(str(error)) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise BadInput(f"{options.to} does not answer: {error}") from None
    return DONE
