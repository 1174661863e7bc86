"""From a spec to runs and triplets: what is trained, once each, and what each triplet compares."""

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import ConfigDict

from training import catalog, environment
from training.names import Key, ModelName
from training.planning import costs
from training.planning.extra_runs import on_texts, probed, simulated, student_of
from training.spec import GROUND_TRUTH, ExperimentSpec, Method, Naive, RunSpec, TrainingSpec, key_of
from training.spec.methods import EnsembleMean

GUESSED_ROWS = 10_000

MOST_RUNS = 10_000
"""Distinct runs that one experiment may have, unless the environment variable MAX_RUNS says another number."""


class TooManyRuns(ValueError):
    """The experiment needs more runs than are allowed; the message says so in a sentence."""


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
    """The distinct runs by key, each after the runs it needs, and the triplets that ask for them."""

    spec: ExperimentSpec
    runs: dict[str, RunSpec]
    triplets: tuple[Triplet, ...]

    @property
    def asked(self) -> int:
        """Runs asked for when nothing is shared: three for each triplet, and the further ones that its student hangs on."""
        behind: dict[str, frozenset[str]] = {}
        for key, run in self.runs.items():
            behind[key] = frozenset({key}).union(*(behind[need] for need in run.needs if need in behind))
        named = [(triplet.weak, triplet.student, triplet.ceiling) for triplet in self.triplets]
        return sum(len(frozenset(keys).union(*(behind[key] for key in keys if key in behind))) for keys in named)

    def estimate_seconds(self, done: Container[str] = ()) -> dict[str, float]:
        """Roughly how long each run takes; of the runs that are not ``done`` the first to need features makes them."""
        ready = {features_key(run) for key, run in self.runs.items() if key in done}
        seconds = {}
        known: dict[tuple[object, ...], float] = {}
        for key, run in self.runs.items():
            features = features_key(run)
            alike = *(getattr(run, name) for name in COSTS), key in done or features in ready
            if alike not in known:
                known[alike] = estimate_seconds(run, features_ready=bool(alike[-1]))
            seconds[key] = known[alike]
            ready.add(features)
        return seconds

    def to_json(self) -> dict[str, Any]:
        return {
            "asked": self.asked,
            "unique": len(self.runs),
            "runs": [{"key": key, **run.model_dump(mode="json")} for key, run in self.runs.items()],
            "triplets": [vars(triplet) for triplet in self.triplets],
        }


COSTS = (
    *("dataset", "test_fraction", "locked_fraction", "validation_fraction", "limit"),
    *("model", "adaptation", "epochs", "batch_size", "derives", "prompts"),
)
"""What ``estimate_seconds`` reads of a run."""


def estimate_seconds(run: RunSpec, *, features_ready: bool = False) -> float:
    """Roughly how long ``run`` takes on two CPU cores: start-up, features where they are not ready, steps and evaluations."""
    if run.derives:
        return costs.STARTUP_SECONDS + (features_seconds(run) if not features_ready else 0.0)
    rows, texts = rows_of(run.dataset, run), texts_of(run.dataset)
    steps = run.epochs * math.ceil(rows.train / run.batch_size)
    if not run.tunes_backbone:
        features = features_seconds(run) if not features_ready else 0.0
        return costs.STARTUP_SECONDS + features + steps * costs.HEAD_STEP_SECONDS
    training = 3 * run.epochs * rows.train  # a step costs about three forward passes of its batch
    fewest = costs.FEWEST_LOOKS * (min(rows.test, costs.SMALLEST_LOOK) + rows.validation)
    passes = training + max(costs.LOOKS_SHARE * training, fewest)
    passes += rows.train + rows.validation + rows.test + rows.locked
    return costs.STARTUP_SECONDS + passes * texts * forward_seconds(run.model) + steps * costs.FULL_STEP_SECONDS


class Shares(Protocol):
    """How a data set is divided: of an experiment's data, or of a run."""

    @property
    def test_fraction(self) -> float: ...
    @property
    def locked_fraction(self) -> float: ...
    @property
    def validation_fraction(self) -> float: ...
    @property
    def limit(self) -> int | None: ...


class Rows(NamedTuple):
    """About how many rows there are in each part; ``train`` and ``validation`` are those of one half."""

    train: int
    validation: int
    test: int
    locked: int


def rows_of(name: str, shares: Shares) -> Rows:
    """The parts of the data set ``name``, as expected: a hash decides, so that a few more or fewer are there."""
    total = total_rows(name, shares)
    test, locked = round(total * shares.test_fraction), round(total * shares.locked_fraction)
    half = (total - test - locked) // 2
    half = half if shares.limit is None else min(half, shares.limit)
    validation = round(half * shares.validation_fraction)
    return Rows(half - validation, validation, test, locked)


def features_seconds(run: RunSpec) -> float:
    """Roughly how long the frozen features take that ``run`` shares with others; 0 where it reads none."""
    if run.adaptation != "probe" or (run.derives and not run.prompts):
        return 0.0
    return total_rows(run.dataset, run) * texts_of(run.dataset) * forward_seconds(run.model)


def total_rows(name: str, shares: Shares) -> int:
    """Rows of the data set ``name``; of one that is no longer there, as many as can be used at most, or a guess."""
    entry = catalog.known_dataset(name)
    if entry:
        return entry.rows
    if shares.limit is None:
        return GUESSED_ROWS
    return round(2 * shares.limit / (1 - shares.test_fraction - shares.locked_fraction))


def texts_of(name: str) -> int:
    """How many texts an example of the data set ``name`` has."""
    entry = catalog.known_dataset(name)
    return entry.texts if entry else 1


def forward_seconds(model: str) -> float:
    """Roughly how long one text takes through ``model``; one of which nothing is known is taken to be like the smallest GPT-2."""
    entry = catalog.known_model(model)
    layers, width = (entry.layers or 0, entry.width) if entry else (12, 768)
    return layers * costs.LAYER_SECONDS * (width / costs.LAYER_WIDTH) ** 2


def make_plan(spec: ExperimentSpec) -> Plan:
    """Runs in an order in which they can be trained: seed by seed, supervisor and ceiling before the students.

    Seeds differ in their number alone, so that one is planned and the others are copied from it. Raises TooManyRuns before
    more is planned than is allowed.
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
            replace(one, weak=keys[one.weak], student=keys[one.student], ceiling=keys[one.ceiling], seed=seed)
            for one in first.triplets
        ]
    return Plan(spec, runs, tuple(triplets))


def check_size(spec: ExperimentSpec) -> None:
    """Raises TooManyRuns where the experiment needs more runs than are allowed; plans one seed at most."""
    _plan_of_seed(spec, 0, most_runs() // spec.seeds)


def _renamed(run: RunSpec, keys: Mapping[str, str]) -> dict[str, Any]:
    """The fields of ``run`` that name other runs, with their new ``keys``."""
    named: dict[str, str | None] = {name: getattr(run, name) for name in ("labels", "start", "judge", "features_of")}
    listed: dict[str, Iterable[str]] = {"members": run.members, "boosts": run.boosts or ()}
    return {
        **{name: keys[key] for name, key in named.items() if key is not None and key != GROUND_TRUTH},
        **{name: tuple(keys[key] for key in several) for name, several in listed.items() if several},
    }


def _plan_of_seed(spec: ExperimentSpec, seed: int, most: int) -> Plan:
    """The runs and triplets of one seed. Raises TooManyRuns where they would be more than ``most``."""
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

    def size(model: str) -> int:
        return catalog.model(model).parameters

    supervisors = {model: _run(spec, spec.weak, model, "A", GROUND_TRUTH, Naive(), seed) for model in spec.weak.models}
    keys = [run.key() for run in supervisors.values()]
    ensemble = any(isinstance(method, EnsembleMean) for method in spec.methods)
    texts = {model: add(one) for model in spec.strong.models if (one := _on_texts(spec, model, seed))}
    for weak_model, supervisor in supervisors.items():
        for one in supervisors.values() if ensemble else (supervisor,):
            own = add(one)
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
                one = student_of(method, naive, supervisor, keys, students, add)
                student = add(one)
                if spec.strong.saliency and one.tunes_backbone:
                    lr = catalog.model(strong_model).learning_rates["probe"]
                    add(probed(one, lr, None))
                    add(probed(one, lr, student))
                triplets.append(Triplet(weak, student, ceiling, weak_model, strong_model, index, seed))
    return Plan(spec, runs, tuple(triplets))


def _strong(spec: ExperimentSpec, model: str, labels: str, seed: int, texts: dict[str, str]) -> RunSpec:
    """A naive student, or a ceiling; ``texts`` has the run that it goes on from, where there is one."""
    return _run(spec, spec.strong, model, "B", labels, Naive(), seed).model_copy(update={"start": texts.get(model)})


def _on_texts(spec: ExperimentSpec, model: str, seed: int) -> RunSpec | None:
    """The run before all students and ceilings of ``model``, where the experiment has one."""
    epochs = spec.strong.text_epochs
    return on_texts(_run(spec, spec.strong, model, "B", GROUND_TRUTH, Naive(), seed), epochs) if epochs else None


def features_key(run: RunSpec) -> tuple[object, ...]:
    """Equal for runs that share their frozen features."""
    named = ("adaptation", "model", "digest", "fingerprint", "max_tokens", "precision", "pooling", "texts", "features_of")
    return tuple(getattr(run, name) for name in named)


def _run(spec: ExperimentSpec, training: TrainingSpec, model: str, half: Any, labels: str, method: Method, seed: int) -> RunSpec:
    dataset = catalog.dataset(spec.data.name)
    entry = catalog.model(model)
    adaptation = entry.adaptation(training.tuning)
    return RunSpec(
        dataset=dataset.name,
        fingerprint=dataset.digest,
        test_fraction=spec.data.test_fraction,
        locked_fraction=spec.data.locked_fraction,
        validation_fraction=spec.data.validation_fraction,
        limit=spec.data.limit,
        split_seed=spec.data.split_seed,
        half=half,
        labels=labels,
        model=entry.name,
        digest=entry.digest,
        adaptation=adaptation,
        method=method,
        epochs=training.epochs,
        batch_size=training.batch_size,
        lr=entry.learning_rates[adaptation] if training.lr is None else training.lr,
        weight_decay=training.weight_decay,
        schedule=training.schedule,
        stop=training.stop,
        max_tokens=training.max_tokens,
        seed=seed,
        lora_rank=training.lora_rank if adaptation == "lora" else None,
        lora_alpha=training.lora_alpha if adaptation == "lora" else None,
        precision=training.precision if adaptation != "scratch" else "auto",
        pooling=training.pooling if adaptation != "scratch" and entry.kind == "encoder" else "mean",
        head_start=training.head_start if entry.kind == "decoder" else "zero",
        gradient_checkpointing=training.gradient_checkpointing and adaptation in ("full", "lora"),
        keep_weights=spec.keep_weights,
    )
