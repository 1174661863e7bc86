"""The models of an experiment that have finished, and which three of them a view is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from training import ExperimentSpec, RunSpec
from webapp.example_queries.view import SEATS, View
from webapp.experiments import queries
from webapp.experiments.models import Experiment, Run, Status
from webapp.explorer.example_source import ExampleSource

Role = Literal["weak", "student", "ceiling"]


class Missing(Exception):
    """There is nothing to look at yet, or no longer; the message says why."""


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
    """A planned of which all three have finished."""

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
    """``runs`` are those of the record where none are given, by key."""

    def __init__(self, experiment: Experiment, stage: ExampleSource | None = None, runs: Mapping[str, Run] | None = None) -> None:
        self.experiment, self.source = experiment, stage or ExampleSource()
        self.spec: ExperimentSpec = experiment.experiment_spec
        self._given = runs

    @cached_property
    def _runs(self) -> Mapping[str, Run]:
        return {part.run.key: part.run for part in queries.parts(self.experiment)} if self._given is None else self._given

    @cached_property
    def _done(self) -> dict[tuple[str, Role], Model]:
        found: dict[tuple[str, Role], Model] = {}
        for planned in self.experiment.triplets:
            for role in SEATS:
                run = self._runs.get(planned[role])
                if run is None or run.status != Status.FINISHED or (run.key, role) in found:
                    continue
                name = planned["weak_model" if role == "weak" else "strong_model"]
                method = planned["method"] if role == "student" else None
                found[run.key, role] = Model(run, run.run_spec, role, name, method)  # type: ignore[index, arg-type]
        return found

    @cached_property
    def models(self) -> list[Model]:
        """Every finished model once, supervisors first, then by method and seed."""
        distinct = {model.key: model for model in reversed(self._done.values())}
        order = {role: at for at, role in enumerate(SEATS)}
        return sorted(distinct.values(), key=lambda one: (order[one.role], one.name, one.method or 0, one.seed))

    @cached_property
    def triplets(self) -> list[Triplet]:
        """The complete triplets, in the order of the plan."""
        found = []
        for planned in self.experiment.triplets:
            three = [self._done.get((planned[role], role)) for role in SEATS]  # type: ignore[arg-type]
            if all(three):
                found.append(Triplet(*three))  # type: ignore[arg-type]
        return found

    @cached_property
    def first(self) -> Triplet:
        """What is shown before anything is chosen: the one method beside naive where there is exactly one, else the first.

        Raises Missing where no planned is complete.
        """
        if not self.triplets:
            raise Missing("There is nothing to compare until one supervisor, its student and their ceiling have finished.")
        others = [at for at, method in enumerate(self.spec.methods) if method.kind != "naive"]
        wanted = others[0] if len(others) == 1 else 0
        return next((triplet for triplet in self.triplets if triplet.student.method == wanted), self.triplets[0])

    def chosen(self, view: View) -> Triplet:
        """The view's three models; seats that it leaves open are those of the planned of the models that it names.

        Raises Missing for a key that is none of a finished model of this experiment.
        """
        named = {seat: self._named(getattr(view, seat)) for seat in SEATS if getattr(view, seat)}
        fits = (
            triplet
            for triplet in [self.first, *self.triplets]
            if all(getattr(triplet, seat).key == one.key for seat, one in named.items())
        )
        near = (triplet for triplet in self.triplets for one in named.values() if one.key in triplet.keys)
        base = next(fits, None) or next(near, self.first)
        return Triplet(*(named.get(seat, getattr(base, seat)) for seat in SEATS))

    def named(self, triplet: Triplet) -> dict[str, str]:
        """The shortest values of a view's seats that choose these three: none for the first planned, for another its student."""
        if triplet == self.first:
            return dict.fromkeys(SEATS, "")
        keys = {seat: one.key[:12] for seat, one in zip(SEATS, triplet.all, strict=True)}
        alone = triplet in self.triplets and sum(one.student == triplet.student for one in self.triplets) == 1
        return {**dict.fromkeys(SEATS, ""), "student": keys["student"]} if alone else keys

    def _named(self, key: str) -> Model:
        found = [model for model in self.models if model.key.startswith(key)]
        if len(found) != 1:
            raise Missing(f"No finished model of this experiment has the key {key[:12]}.")
        return found[0]
