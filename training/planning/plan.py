"""The plan of an experiment: its distinct runs, and the triplets that compare them."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import ConfigDict

from training import catalog, environment
from training.names import Key, ModelName
from training.planning.estimates import COSTS, estimate_seconds, features_seconds
from training.planning.extra_runs import on_texts, probed, simulated, student_of
from training.spec import GROUND_TRUTH, DataSpec, ExperimentSpec, Method, Naive, RunSpec, TrainingSettings, TrainingSpec, key_of
from training.spec.methods import EnsembleMean, Submitted

MOST_RUNS = 10_000
"""Largest number of distinct runs of one experiment, unless MAX_RUNS sets another."""


class TooManyRuns(ValueError):
    """The experiment needs more runs than are allowed; the message is one sentence."""


def most_runs() -> int:
    return environment.whole("MAX_RUNS", MOST_RUNS, least=1)


@dataclass(frozen=True)
class Triplet:
    """Keys of a weak supervisor, a student and a strong ceiling with one method and one seed: the unit that has a PGR."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    weak: Key
    student: Key
    ceiling: Key
    weak_model: ModelName
    strong_model: ModelName
    method: int
    """Position in the spec's list of methods."""
    seed: int


@dataclass(frozen=True)
class Plan:
    """The distinct runs by key, each after the runs that it needs, and the triplets that use them."""

    spec: ExperimentSpec
    runs: dict[str, RunSpec]
    triplets: tuple[Triplet, ...]

    @property
    def requested(self) -> int:
        """Number of runs without sharing: three for each triplet, and the further ones that its student depends on."""
        behind: dict[str, frozenset[str]] = {}
        for key, run in self.runs.items():
            behind[key] = frozenset({key}).union(*(behind[need] for need in run.needs if need in behind))
        named = [(triplet.weak, triplet.student, triplet.ceiling) for triplet in self.triplets]
        return sum(len(frozenset(keys).union(*(behind[key] for key in keys if key in behind))) for keys in named)

    def estimate_seconds(self, done: Container[str] = ()) -> dict[str, float]:
        """Estimate the seconds of each run; of the runs that are not ``done``, the first to need features computes them."""
        ready = {features_key(run) for key, run in self.runs.items() if key in done}
        passes: dict[tuple[object, ...], float] = {}
        known: dict[tuple[object, ...], float] = {}
        missing = {key: run for key, run in self.runs.items() if key not in done and features_key(run) not in ready}
        for run in missing.values():
            passes[features_pass(run)] = max(passes.get(features_pass(run), 0.0), features_seconds(run))
        seconds = {}
        for key, run in self.runs.items():
            alike = tuple(getattr(run, name) for name in COSTS)
            if alike not in known:
                known[alike] = estimate_seconds(run, features_ready=True)
            seconds[key] = known[alike] + (passes.pop(features_pass(run), 0.0) if key in missing else 0.0)
        return seconds

    def to_json(self) -> dict[str, Any]:
        return {
            "asked": self.requested,
            "unique": len(self.runs),
            "runs": [{"key": key, **run.model_dump(mode="json")} for key, run in self.runs.items()],
            "triplets": [vars(triplet) for triplet in self.triplets],
        }


def make_plan(spec: ExperimentSpec) -> Plan:
    """Return the plan of ``spec``, its runs in a trainable order: seed by seed, supervisor and ceiling before the students.

    Seeds differ in their number alone, so one is planned and the others are copied from it. Raises TooManyRuns before more runs
    are planned than are allowed.
    """
    first = _plan_of_seed(spec, 0, most_runs() // spec.seeds)
    runs, triplets = dict(first.runs), list(first.triplets)
    contents = {key: run.content() for key, run in first.runs.items()}
    for seed in range(1, spec.seeds):
        keys: dict[str, str] = {}
        for key, run in first.runs.items():
            changes = {"seed": seed, **_renamed(run, keys)}
            keys[key] = key_of(contents[key] | {name: value for name, value in changes.items() if name in contents[key]})
            runs[keys[key]] = run.model_copy(update=changes)
        triplets += [
            replace(triplet, weak=keys[triplet.weak], student=keys[triplet.student], ceiling=keys[triplet.ceiling], seed=seed)
            for triplet in first.triplets
        ]
    return Plan(spec, runs, tuple(triplets))


def check_size(spec: ExperimentSpec) -> None:
    """Raise TooManyRuns where the experiment needs more runs than are allowed; plans at most one seed."""
    _plan_of_seed(spec, 0, most_runs() // spec.seeds)


def _renamed(run: RunSpec, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of ``run`` that name other runs, with their new ``keys``."""
    named: dict[str, str | None] = {name: getattr(run, name) for name in ("labels", "start", "judge", "features_of")}
    listed: dict[str, Iterable[str]] = {"members": run.members, "boosts": run.boosts or ()}
    return {
        **{name: keys[key] for name, key in named.items() if key is not None and key != GROUND_TRUTH},
        **{name: tuple(keys[key] for key in several) for name, several in listed.items() if several},
    }


def _plan_of_seed(spec: ExperimentSpec, seed: int, most: int) -> Plan:
    """Return the plan of one seed. Raises TooManyRuns for more than ``most`` runs."""
    runs: dict[str, RunSpec] = {}
    triplets = []

    def add(run: RunSpec) -> str:
        key = run.key()
        runs.setdefault(key, run)
        if len(runs) > most:
            raise TooManyRuns(
                f"This experiment needs more than {most_runs():,} runs, the most that one may have here: choose fewer seeds, "
                "models or methods."
            )
        return key

    data = catalog.dataset(spec.data.name)

    def size(model: str) -> int:
        return catalog.model_on(data, model).parameters

    supervisors = {model: _run(spec, spec.weak, model, "A", GROUND_TRUTH, Naive(), seed) for model in spec.weak.models}
    keys = [run.key() for run in supervisors.values()]
    ensemble = any(isinstance(method, EnsembleMean) for method in spec.methods)
    texts = {model: add(text_run) for model in spec.strong.models if (text_run := _on_texts(spec, model, seed))}
    for weak_model, supervisor in supervisors.items():
        for member in supervisors.values() if ensemble else (supervisor,):
            own = add(member)
        own = supervisor.key()
        for strong_model in spec.strong.models:
            ceiling = add(_strong(spec, strong_model, GROUND_TRUTH, seed, texts))
            weak = own if spec.weak.errors == "own" else add(simulated(supervisor, own, ceiling, spec.weak.errors))
            students = [
                _strong(spec, model, weak, seed, texts)
                for model in sorted(spec.strong.models, key=size)
                if size(model) < size(strong_model)
            ]
            naive = _strong(spec, strong_model, weak, seed, texts)
            for index, method in enumerate(spec.methods):
                if isinstance(method, Submitted) and method.weak != weak_model:
                    continue  # it has learned from the labels of another supervisor
                student_run = student_of(method, naive, supervisor, keys, students, add)
                student = add(student_run)
                if spec.strong.saliency and student_run.tunes_backbone:
                    lr = catalog.model(strong_model).learning_rates["probe"]
                    add(probed(student_run, lr, None))
                    add(probed(student_run, lr, student))
                triplets.append(Triplet(weak, student, ceiling, weak_model, strong_model, index, seed))
    return Plan(spec, runs, tuple(triplets))


def _strong(spec: ExperimentSpec, model: str, labels: str, seed: int, texts: dict[str, str]) -> RunSpec:
    """Return a naive student, or a ceiling; ``texts`` has the run that it starts from, if any."""
    return _run(spec, spec.strong, model, "B", labels, Naive(), seed).model_copy(update={"start": texts.get(model)})


def _on_texts(spec: ExperimentSpec, model: str, seed: int) -> RunSpec | None:
    """Return the language-modelling run before the students and ceilings of ``model``, if the experiment has one."""
    epochs = spec.strong.text_epochs
    return on_texts(_run(spec, spec.strong, model, "B", GROUND_TRUTH, Naive(), seed), epochs) if epochs else None


STORED_OF_FEATURES = ("adaptation", "model", "digest", "fingerprint", "max_tokens")
"""Those of the settings of ``features_key`` that every stored run has; later ones are missing where they have their default."""


def features_key(run: RunSpec) -> tuple[object, ...]:
    """Return a key that is equal for runs that share their frozen features."""
    named = (*STORED_OF_FEATURES, "precision", "pooling", "image_crop", "texts", "features_of")
    return tuple(getattr(run, name) for name in named)


def features_pass(run: RunSpec) -> tuple[object, ...]:
    """Return a key that is equal for runs whose frozen features one pass computes: the embedded model, cut at several depths.

    Of the last layer only tokens that are read are computed, so that only means over all tokens are equal to the bit.
    """
    entry = catalog.MODELS.get(run.model)
    cut = run.adaptation == "probe" and entry and entry.kind == "encoder" and run.features_of is None and run.pooling == "mean"
    return features_key(run.model_copy(update={"model": run.digest})) if cut else features_key(run)


def same_pass(run: RunSpec, others: Iterable[RunSpec]) -> list[str]:
    """Return the other models whose features ``others`` need and the pass that computes those of ``run`` can compute as well."""
    wanted = {other.model for other in others if features_pass(other) == features_pass(run)}
    return sorted(wanted - {run.model})


def _run(spec: ExperimentSpec, training: TrainingSpec, model: str, half: Any, labels: str, method: Method, seed: int) -> RunSpec:
    dataset = catalog.dataset(spec.data.name)
    entry = catalog.model_on(dataset, model)
    adaptation = entry.adaptation(training.tuning)
    settings = {name: getattr(spec.data, name) for name in DataSpec.model_fields if name in RunSpec.model_fields}
    settings |= {name: getattr(training, name) for name in TrainingSettings.model_fields}
    settings |= {"lr": entry.learning_rates[adaptation] if training.lr is None else training.lr}
    writes = dataset.answers is not None
    settings |= RunSpec.unused(adaptation, entry.kind, writes=writes, samples=training.answer_samples)
    return RunSpec(
        dataset=dataset.name,
        fingerprint=dataset.digest,
        half=half,
        labels=labels,
        model=entry.name,
        digest=entry.digest,
        adaptation=adaptation,
        method=method,
        seed=seed,
        answers=dataset.answers,
        keep_weights=spec.keep_weights,
        **settings,
    )
