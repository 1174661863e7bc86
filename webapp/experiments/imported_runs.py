"""Runs that were trained elsewhere, under keys of their own; new experiments use them once an administrator has accepted them.

An imported run is stored under ``stored_key``, which depends on its archive and on the key that it claims, and its specification
names the runs that it needs by their stored keys. So the run with the claimed key can still be trained here, and a run that
learned from an imported run has another key than one that learned from a run of this laboratory.
"""

import hashlib
from collections.abc import Iterable, Mapping

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from training import Plan, RunSpec
from training.redaction import renamed
from training.storage.archive import Origin
from training.storage.artifacts import same
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment, Run, Status


def stored_key(content: str, key: str) -> str:
    """Return the key here of the run that an archive with content hash ``content`` calls ``key``."""
    return hashlib.sha256(f"imported\n{content}\n{key}".encode()).hexdigest()


def with_accepted(plan: Plan) -> Plan:
    """Return the plan with accepted imported runs in place of runs that no experiment here has.

    Runs that need such a run name it by its stored key, and so have another key themselves. A run whose weights are needed is
    trained here, since archives contain no weights.
    """
    wanted = {key for run in plan.runs.values() for key in (run.start, run.features_of)}
    wanted |= {key for key, run in plan.runs.items() if run.keep_weights and run.adaptation == "full"}
    usable = _accepted(plan.runs.keys() - wanted)
    if not usable:
        return plan
    names, runs = dict[str, str](), dict[str, RunSpec]()
    for key, spec in plan.runs.items():
        renamed_spec = spec.with_keys(names)
        row = usable.get(key)
        if row is not None and row.run_spec.key() == renamed_spec.key():
            names[key] = row.key
            runs[row.key] = row.run_spec
        else:
            names[key] = renamed_spec.key()
            runs[renamed_spec.key()] = renamed_spec
    triplets = tuple(
        type(triplet)(**vars(triplet) | {role: names[getattr(triplet, role)] for role in ("weak", "student", "ceiling")})
        for triplet in plan.triplets
    )
    return Plan(plan.spec, runs, triplets)


def _accepted(keys: Iterable[str]) -> dict[str, Run]:
    """The earliest accepted import of each claimed key, without keys that a run of this laboratory has."""
    here, store = Run.objects.filter(key=OuterRef("claimed_key")), artifact_store()
    wanted = set(keys)
    rows = Run.objects.filter(accepted_at__isnull=False, status=Status.FINISHED).exclude(Exists(here)).order_by("-pk")
    return {row.claimed_key: row for row in rows if row.claimed_key in wanted and store.finished(row.key)}


def exported(runs: Iterable[Run], models: Mapping[str, str] | None = None) -> dict[str, RunSpec]:
    """Return the specs of runs in an archive, by the keys that they have here; an imported run has the key that it claims there.

    ``models`` replaces names of models. Runs of an earlier version whose keys depend on the path of a local model, and runs that
    learn from them, get the keys that they have without it, so that their archive is verified like any other.
    """
    rows = {run.key: run for run in runs}
    specs: dict[str, RunSpec] = {}

    def add(key: str) -> str:
        if key not in rows:
            return key
        if key not in specs:
            spec = rows[key].run_spec
            spec = spec.with_keys({need: add(need) for need in spec.needs})
            if models:
                spec = RunSpec.model_validate(renamed(spec.model_dump(mode="json"), models))
            specs[key] = spec
        return specs[key].key()

    for key in rows:
        add(key)
    return specs


def exported_keys(runs: Iterable[Run]) -> dict[str, str]:
    """Return the keys that runs have in an archive, by the keys that they have here."""
    return {key: spec.key() for key, spec in exported(runs).items()}


def imported_runs(experiment: Experiment) -> list[Run]:
    """Return the experiment's runs that were trained elsewhere."""
    return list(experiment.runs.exclude(claimed_key="").distinct().order_by("pk"))


def origins(runs: Iterable[Run]) -> list[Origin]:
    """Return the origins of these runs, each archive once."""
    all_origins = (Origin.model_validate(run.origin) for run in runs if run.origin)
    return list({origin.content: origin for origin in all_origins}.values())


def words(origin: Origin | Mapping[str, object]) -> str:
    """Describe an origin as part of a sentence."""
    known = origin if isinstance(origin, Origin) else Origin.model_validate(origin)
    of = f" of {known.owner}" if known.owner else ""
    where = f"runs{of} from the command line" if known.number is None else f"experiment {known.number}{of} in another laboratory"
    earlier = f", which had it from {words(known.earlier)}" if known.earlier else ""
    return f"{where}, archive {known.content}{earlier}"


def needed(run: Run) -> list[Run]:
    """Return the imported runs that a run depends on, including the run itself."""
    visited, left = dict[int, Run](), [run]
    while left:
        row = left.pop()
        if row.pk not in visited:
            visited[row.pk] = row
            left += row.needs.all()
    return [row for row in visited.values() if row.imported]


def verdict(run: Run) -> str:
    """Return the result of training the same run here, as a sentence."""
    if run.confirmed is None:
        return "It has not been trained here."
    if run.confirmed:
        return "Confirmed here: the run trained here has the same predictions."
    return "The run trained here has other predictions."


def compare() -> int:
    """Compare imported runs with finished runs of this laboratory that have the claimed keys; return how many were compared."""
    ours = Run.objects.filter(key=OuterRef("claimed_key"), status=Status.FINISHED)
    store, compared = artifact_store(), 0
    for row in Run.objects.filter(Exists(ours), claimed_key__gt="", confirmed=None):  # read by the index of claimed keys
        if row.status == Status.FINISHED and store.finished(row.claimed_key) and store.finished(row.key):
            equal = same(store, row.key, store, row.claimed_key)
            compared += Run.objects.filter(pk=row.pk).update(confirmed=equal)
    return compared


def accept(content: str, *, accepted: bool) -> int:
    """Let new experiments use the runs of this archive, or no longer; return the number of runs."""
    rows = Run.objects.filter(origin__content=content).exclude(claimed_key="")
    return rows.update(accepted_at=Now() if accepted else None)
