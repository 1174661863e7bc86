"""Where the numbers are from: what was asked, by whom, with which engine, packages and data, and what is not in them."""

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from training import catalog
from training.names import LOCAL
from training.spec import ENGINE_VERSION
from webapp.experiments import queries
from webapp.experiments.models import Experiment, Part, Role, Status
from webapp.experiments.origins import exported_keys, origins, words
from webapp.findings.words import short_model
from webapp.papers.paper import Provenance, Trained

PLACE = re.compile(r"""(?<=')~?/[^']+(?=')|(?<![\w.~])~?(?:/[^\s/'",:;()]+)+/?""")
MACHINE = re.compile(r"@[\w-]+(?:\.[\w-]+)*")


def provenance(experiment: Experiment, by: User) -> Provenance:
    parts = list(queries.parts(experiment))
    runs = list({part.run_id: part.run for part in parts}.values())
    specs = [run.run_spec for run in runs]
    versions, devices = _surroundings(parts)
    names = exported_keys(runs)
    return Provenance(
        made_by=by.get_full_name() or by.get_username(),
        launched=day(experiment.launched_at),
        ended=day(experiment.ended_at),
        engine=max((spec.engine for spec in specs), default=ENGINE_VERSION),
        spec=without_places(experiment.experiment_spec.model_dump(mode="json")),
        versions=versions,
        devices=devices,
        datasets={spec.dataset: spec.fingerprint for spec in specs},
        seeds=tuple(range(experiment.experiment_spec.seeds)),
        runs=tuple(_trained(part, names) for part in parts),
        exclusions=tuple(_exclusions(parts)),
        origin="; ".join(map(words, origins([part.run for part in parts]))),
    )


def day(moment: datetime | None) -> str:
    return "" if moment is None else moment.date().isoformat()


def without_places(value: Any) -> Any:
    """The spec with the folders of local models left out: where they lie on a machine is nobody's concern."""
    if isinstance(value, str) and catalog.local_folder(value) is not None:
        return f"{LOCAL}{value.rstrip('/').rpartition('/')[2]}"
    if isinstance(value, list):
        return [without_places(one) for one in value]
    if isinstance(value, dict):
        return {name: without_places(one) for name, one in value.items()}
    return value


def _surroundings(parts: list[Part]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Package versions and devices that the runs told of; of several all."""
    versions, devices = defaultdict[str, set[str]](set), set()
    for event in queries.story([part.run for part in parts], ["started"]):
        devices.add(event.payload["device"])
        for package, version in event.payload["versions"].items():
            versions[package].add(version)
    return {name: ", ".join(sorted(found)) for name, found in sorted(versions.items())}, tuple(sorted(devices))


def _trained(part: Part, names: Mapping[str, str]) -> Trained:
    """``names`` are the keys in the archive: that by which somebody can train an imported run is the one that it claims."""
    spec = part.run.run_spec
    return Trained(
        role=Role(part.role).label,
        model=short_model(spec.model),
        seed=spec.seed,
        key=names[part.run.key],
        state=Status(part.run.status).label.lower() + (", trained elsewhere" if part.run.imported else ""),
    )


def _exclusions(parts: list[Part]) -> list[str]:
    """A sentence for each run that is not in the numbers."""
    found = []
    for part in parts:
        if part.run.status == Status.FINISHED:
            continue
        spec = part.run.run_spec
        who = f"{Role(part.role).label} {short_model(spec.model)}, seed {spec.seed}"
        why = f": {_anywhere(part.run.error)}" if part.run.status == Status.FAILED and part.run.error else "."
        found.append(f"{who}, {_became(part.run.status)}{why}")
    return list(dict.fromkeys(found))


def _anywhere(error: str) -> str:
    """What a failure says of itself, of paths the last part alone and of workers no machine."""
    return MACHINE.sub("", PLACE.sub(lambda path: path[0].rstrip("/").rpartition("/")[2], error))


def _became(status: str) -> str:
    return {Status.FAILED: "failed", Status.STOPPED: "was stopped"}.get(Status(status), "has not finished")
