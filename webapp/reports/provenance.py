"""The origin of the numbers: the spec, its author, engine, packages and data, and the runs that are not included."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User

from training.redaction import without_folders
from training.spec import ENGINE_VERSION
from webapp.experiments import queries
from webapp.experiments.imported_runs import exported_keys, origins, words
from webapp.experiments.models import Experiment, Part, Role, Status
from webapp.experiments.redaction import public_text
from webapp.findings.wording import lower, short_model
from webapp.reports.report import Provenance, Trained


def provenance(experiment: Experiment, by: User, *, anonymous: bool = False) -> Provenance:
    """Return the provenance; that of an ``anonymous`` page, whose authors were entered by hand, names nobody."""
    parts = list(queries.parts(experiment))
    runs = list({part.run_id: part.run for part in parts}.values())
    specs = [run.run_spec for run in runs]
    versions, devices = _surroundings(parts)
    names = exported_keys(runs)
    return Provenance(
        made_by="" if anonymous else by.get_full_name() or by.get_username(),
        launched=day(experiment.launched_at),
        ended=day(experiment.ended_at),
        engine=max((spec.engine for spec in specs), default=ENGINE_VERSION),
        spec=without_folders(experiment.experiment_spec.model_dump(mode="json")),
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


def _surroundings(parts: list[Part]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return all package versions and devices that the runs reported."""
    versions, devices = defaultdict[str, set[str]](set), set()
    for event in queries.timeline([part.run for part in parts], ["started"]):
        devices.add(event.payload["device"])
        for package, version in event.payload["versions"].items():
            versions[package].add(version)
    return {name: ", ".join(sorted(seen)) for name, seen in sorted(versions.items())}, tuple(sorted(devices))


def _trained(part: Part, names: Mapping[str, str]) -> Trained:
    """Return a run with its key from ``names``, the keys in the archive: an imported run has the key that it claims."""
    spec = part.run.run_spec
    return Trained(
        role=Role(part.role).label,
        model=short_model(spec.model),
        seed=spec.seed,
        key=names[part.run.key],
        state=lower(Status(part.run.status).label) + (", trained elsewhere" if part.run.imported else ""),
    )


def _exclusions(parts: list[Part]) -> list[str]:
    """Return a sentence for each run that is not in the numbers."""
    sentences = []
    for part in parts:
        if part.run.status == Status.FINISHED:
            continue
        spec = part.run.run_spec
        who = f"{Role(part.role).label} {short_model(spec.model)}, seed {spec.seed}"
        why = f": {public_text(part.run.error)}" if part.run.status == Status.FAILED and part.run.error else "."
        sentences.append(f"{who}, {_became(part.run.status)}{why}")
    return list(dict.fromkeys(sentences))


def _became(status: str) -> str:
    return {Status.FAILED: "failed", Status.STOPPED: "was stopped"}.get(Status(status), "has not finished")
