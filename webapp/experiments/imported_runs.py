"""Runs that were trained elsewhere: a population of their own, under keys of their own, which others use once that is allowed.

An imported run is stored under ``stored_key`` of its archive and of the key that it claims, and its specification names the runs
that it needs by their stored keys. So the run with the claimed key is trained here when somebody asks for it, and a run that
learned from an imported one has another key than one that learned from a run of ours.
"""

import hashlib
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from training import Plan, RunSpec, Store
from training.redaction import renamed
from training.storage.archive import Origin
from training.storage.artifacts import same
from webapp.experiments.models import Experiment, Run, Status


def stored_key(content: str, key: str) -> str:
    """Of the run that an archive with content hash ``content`` calls ``key``."""
    return hashlib.sha256(f"imported\n{content}\n{key}".encode()).hexdigest()


def with_accepted(plan: Plan) -> Plan:
    """The plan with imported runs that were accepted in the place of runs that nobody has asked for here.

    What hangs on such a run names it by its stored key, and has another key itself. A run whose weights are wanted is trained
    here, since an archive has none.
    """
    wanted = {key for run in plan.runs.values() for key in (run.start, run.features_of)}
    wanted |= {key for key, run in plan.runs.items() if run.keep_weights and run.adaptation == "full"}
    usable = _accepted(plan.runs.keys() - wanted)
    if not usable:
        return plan
    names, runs = dict[str, str](), dict[str, RunSpec]()
    for key, spec in plan.runs.items():
        mine = spec.with_keys(names)
        row = usable.get(key)
        if row is not None and row.run_spec.key() == mine.key():
            names[key] = row.key
            runs[row.key] = row.run_spec
        else:
            names[key] = mine.key()
            runs[mine.key()] = mine
    triplets = tuple(
        type(one)(**vars(one) | {role: names[getattr(one, role)] for role in ("weak", "student", "ceiling")})
        for one in plan.triplets
    )
    return Plan(plan.spec, runs, triplets)


def _accepted(keys: Iterable[str]) -> dict[str, Run]:
    """By the keys that they claim, the earliest import of each; none of a key that a run of ours has."""
    here, store = Run.objects.filter(key=OuterRef("claimed_key")), Store(settings.ARTIFACTS_DIR)
    wanted = set(keys)
    rows = Run.objects.filter(accepted_at__isnull=False, status=Status.FINISHED).exclude(Exists(here)).order_by("-pk")
    return {row.claimed_key: row for row in rows if row.claimed_key in wanted and store.finished(row.key)}


def exported(runs: Iterable[Run], models: Mapping[str, str] | None = None) -> dict[str, RunSpec]:
    """Each run as it stands in an archive, by the key that it has here: an imported one has there the key that it claims.

    ``models`` are names of models that are others there: a run of an earlier version whose key covers the path of a local model,
    and all that learn from it, get the keys that they have without it, so that an archive of them is verified like any other.
    """
    rows = {run.key: run for run in runs}
    found: dict[str, RunSpec] = {}

    def add(key: str) -> str:
        if key not in rows:
            return key
        if key not in found:
            spec = rows[key].run_spec
            spec = spec.with_keys({need: add(need) for need in spec.needs})
            if models:
                spec = RunSpec.model_validate(renamed(spec.model_dump(mode="json"), models))
            found[key] = spec
        return found[key].key()

    for key in rows:
        add(key)
    return found


def exported_keys(runs: Iterable[Run]) -> dict[str, str]:
    """The keys that runs have in an archive, by those that they have here."""
    return {key: spec.key() for key, spec in exported(runs).items()}


def imported_runs(experiment: Experiment) -> list[Run]:
    """Those of the experiment's runs that were trained elsewhere."""
    return list(experiment.runs.exclude(claimed_key="").distinct().order_by("pk"))


def origins(runs: Iterable[Run]) -> list[Origin]:
    """Where these runs were trained, each archive once."""
    found = (Origin.model_validate(run.origin) for run in runs if run.origin)
    return list({one.content: one for one in found}.values())


def words(origin: Origin | Mapping[str, object]) -> str:
    """Where something was trained, as a part of a sentence."""
    one = origin if isinstance(origin, Origin) else Origin.model_validate(origin)
    of = f" of {one.owner}" if one.owner else ""
    where = f"runs{of} from the command line" if one.number is None else f"experiment {one.number}{of} in another laboratory"
    earlier = f", which had it from {words(one.earlier)}" if one.earlier else ""
    return f"{where}, archive {one.content}{earlier}"


def needed(run: Run) -> list[Run]:
    """The imported runs that a run hangs on, itself among them where it is one."""
    found, left = dict[int, Run](), [run]
    while left:
        one = left.pop()
        if one.pk not in found:
            found[one.pk] = one
            left += one.needs.all()
    return [one for one in found.values() if one.imported]


def verdict(run: Run) -> str:
    """What training the same run here has shown, as a sentence."""
    if run.confirmed is None:
        return "It has not been trained here."
    return "Confirmed here: the run trained here says the same." if run.confirmed else "It differs from the run trained here."


def compare() -> int:
    """Compares imported runs with the runs of ours that have the keys they claim, once these have finished; how many."""
    ours = Run.objects.filter(key=OuterRef("claimed_key"), status=Status.FINISHED)
    store, compared = Store(settings.ARTIFACTS_DIR), 0
    for row in Run.objects.filter(Exists(ours), confirmed=None, status=Status.FINISHED).exclude(claimed_key=""):
        if store.finished(row.claimed_key) and store.finished(row.key):
            equal = same(store, row.key, store, row.claimed_key)
            compared += Run.objects.filter(pk=row.pk).update(confirmed=equal)
    return compared


def accept(content: str, *, accepted: bool) -> int:
    """Lets new experiments use the runs of this archive, or no longer; how many runs these are."""
    rows = Run.objects.filter(origin__content=content).exclude(claimed_key="")
    return rows.update(accepted_at=Now() if accepted else None)
