"""The finished models of an experiment, and the choice of three of them by a view."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from training import ExperimentSpec, RunSpec, catalog
from webapp.example_queries.view import SEATS, View
from webapp.experiments import queries
from webapp.experiments.models import Experiment, Run, Status
from webapp.explorer.example_source import ExampleSource

Role = Literal["weak", "student", "ceiling"]


class Missing(Exception):
    """The explorer has nothing to show, not yet or no longer; the message says why."""


@dataclass(frozen=True)
class Model:
    """One finished run in its role."""

    run: Run
    spec: RunSpec
    role: Role
    name: str
    method: int | None
    """Position of the student's method in the experiment."""

    @property
    def key(self) -> str:
        return self.run.key

    @property
    def seed(self) -> int:
        return self.spec.seed


@dataclass(frozen=True)
class Triplet:
    """Supervisor, student and ceiling of one method and seed, all finished."""

    weak: Model
    student: Model
    ceiling: Model

    @property
    def all(self) -> tuple[Model, Model, Model]:
        return self.weak, self.student, self.ceiling

    @property
    def keys(self) -> tuple[str, str, str]:
        return self.weak.key, self.student.key, self.ceiling.key


class FinishedModels:
    """The finished models of ``experiment``. ``runs`` by key replace those of the database, for a frozen experiment."""

    def __init__(
        self, experiment: Experiment, source: ExampleSource | None = None, runs: Mapping[str, Run] | None = None
    ) -> None:
        self.experiment, self.source = experiment, source or ExampleSource()
        self.spec: ExperimentSpec = experiment.experiment_spec
        self._given = runs

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none for written answers, and where the data set is gone."""
        dataset = catalog.known_dataset(self.spec.data.name)
        return dataset.classes if dataset else ()

    @cached_property
    def _runs(self) -> Mapping[str, Run]:
        return {part.run.key: part.run for part in queries.parts(self.experiment)} if self._given is None else self._given

    @cached_property
    def _done(self) -> dict[tuple[str, Role], Model]:
        models: dict[tuple[str, Role], Model] = {}
        for planned in self.experiment.triplets:
            for role in SEATS:
                run = self._runs.get(planned[role])
                if run is None or run.status != Status.FINISHED or (run.key, role) in models:
                    continue
                name = planned["weak_model" if role == "weak" else "strong_model"]
                method = planned["method"] if role == "student" else None
                models[run.key, role] = Model(run, run.run_spec, role, name, method)  # type: ignore[index, arg-type]
        return models

    @cached_property
    def models(self) -> list[Model]:
        """Every finished model once, supervisors first, then by method and seed."""
        distinct = {model.key: model for model in reversed(self._done.values())}
        order = {role: at for at, role in enumerate(SEATS)}
        return sorted(distinct.values(), key=lambda model: (order[model.role], model.name, model.method or 0, model.seed))

    @cached_property
    def triplets(self) -> list[Triplet]:
        """The complete triplets, in the order of the plan."""
        complete = []
        for planned in self.experiment.triplets:
            three = [self._done.get((planned[role], role)) for role in SEATS]  # type: ignore[arg-type]
            if all(three):
                complete.append(Triplet(*three))  # type: ignore[arg-type]
        return complete

    @cached_property
    def first(self) -> Triplet:
        """The triplet of a view that chooses none: the one method beside naive where there is exactly one, else the first.

        Raises Missing where no triplet is complete.
        """
        if not self.triplets:
            raise Missing("There is nothing to compare until one supervisor, its student and their ceiling have finished.")
        others = [at for at, method in enumerate(self.spec.methods) if method.kind != "naive"]
        wanted = others[0] if len(others) == 1 else 0
        return next((triplet for triplet in self.triplets if triplet.student.method == wanted), self.triplets[0])

    def chosen(self, view: View) -> Triplet:
        """Return the view's three models. Seats that it leaves open are filled from a triplet of the models that it names.

        Raises Missing for a key of no finished model of this experiment.
        """
        named = {seat: self._named(getattr(view, seat)) for seat in SEATS if getattr(view, seat)}
        fits = (
            triplet
            for triplet in [self.first, *self.triplets]
            if all(getattr(triplet, seat).key == model.key for seat, model in named.items())
        )
        near = (triplet for triplet in self.triplets for model in named.values() if model.key in triplet.keys)
        base = next(fits, None) or next(near, self.first)
        return Triplet(*(named.get(seat, getattr(base, seat)) for seat in SEATS))

    def of_pair(self, triplet: Triplet) -> list[Triplet]:
        """Return the triplets of the plan with the same weak and strong model, and the given one where it is not planned."""
        pair = triplet.weak.name, triplet.student.name
        triplets = [other for other in self.triplets if (other.weak.name, other.student.name) == pair]
        return triplets if triplet in triplets else [triplet, *triplets]

    def named(self, triplet: Triplet) -> dict[str, str]:
        """Return the shortest values of a view's seats that choose these three: none for the first triplet, else the student."""
        if triplet == self.first:
            return dict.fromkeys(SEATS, "")
        keys = {seat: model.key[:12] for seat, model in zip(SEATS, triplet.all, strict=True)}
        alone = triplet in self.triplets and sum(other.student == triplet.student for other in self.triplets) == 1
        return {**dict.fromkeys(SEATS, ""), "student": keys["student"]} if alone else keys

    def _named(self, key: str) -> Model:
        matches = [model for model in self.models if model.key.startswith(key)]
        if len(matches) != 1:
            raise Missing(f"No finished model of this experiment has the key {key[:12]}.")
        return matches[0]
