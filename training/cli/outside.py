"""``outside``: labels from outside in the library and at a laboratory, and predictions that are submitted to its experiments."""

import argparse
import json
from pathlib import Path

from training.catalog.outside import About
from training.cli.exits import DONE, BadInput
from training.cli.streams import json_lines, stop_requests

HELP = "List, check, add and send labels from outside; fetch what is handed out, and submit predictions. Prints JSON lines."


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
    handout = commands.add_parser(
        "handout", help="save weak labels and test texts of an experiment, without truth, as a zip file"
    )
    submit = commands.add_parser("submit", help="submit predictions for the test set of an experiment")
    submit.add_argument("files", type=Path, nargs="+", help="CSV, JSON lines or Parquet: one for all seeds, or file i for seed i")
    for name, text in (("name", "what pages call them"), ("author", "who made them"), ("text", "how they were made")):
        submit.add_argument(f"--{name}", required=True, help=text)
    handout.add_argument("--out", type=Path, required=True, metavar="FILE", help="the zip file")
    for command in (handout, submit):
        command.add_argument("--experiment", type=int, required=True, metavar="NUMBER")
        command.add_argument("--weak", default="", help="the supervisor, where the experiment has several")
        command.add_argument("--to", required=True, metavar="URL", help="address of the laboratory; W2S_TOKEN is your API token")
    alexnet = commands.add_parser("alexnet", help="label the images of a data set with ImageNet’s classes by AlexNet")
    alexnet.add_argument("--dataset", required=True, help="a data set of images with ImageNet’s classes in their usual order")
    alexnet.add_argument("--weights", type=Path, required=True, metavar="FILE", help="torchvision’s alexnet-owt-7be5be79.pth")
    alexnet.add_argument("--out", type=Path, required=True, metavar="FILE", help="the labels, a Parquet file for “add” or “send”")
    coverage = commands.add_parser("coverage", help="check that added labels have every row that runs need")
    coverage.add_argument("runs", type=Path, metavar="FILE", help="the runs, as a JSON list")


def run(options: argparse.Namespace) -> int:
    if options.what in CALLS:
        return _call(options)
    # DuckDB and pyarrow cost a fifth of a second, for which the other commands need not wait.
    if options.what == "alexnet":
        from training.engine.outputs.alexnet_labels import run as answer
    else:
        from training.engine.data.outside_command import run as answer

    with json_lines() as write, stop_requests() as should_stop:
        return answer(options, lambda notice: write(notice.model_dump(mode="json")), should_stop)


CALLS = ("send", "handout", "submit")
"""Commands that ask a laboratory."""


def _call(options: argparse.Namespace) -> int:
    import httpx2

    from training.client import Lab, Refused

    lab = Lab(options.to)
    try:
        if options.what == "send":
            about = {field: getattr(options, field) for field in About.model_fields}
            print(json.dumps(lab.add_supervisor(options.dataset, options.files, **about)))
        elif options.what == "handout":
            lab.experiment(options.experiment).handout(options.out, options.weak)
        else:
            experiment = lab.experiment(options.experiment)
            print(json.dumps(experiment.submit(options.files, options.name, options.author, options.text, options.weak)))
    except (Refused, OSError) as error:
        raise BadInput(str(error)) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise BadInput(f"{options.to} does not answer: {error}") from None
    return DONE
