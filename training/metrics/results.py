"""The result of an experiment: accuracies, the gap, PGR with its state, transitions and contrasts, from predictions alone."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from training import catalog
from training.base_models import Frozen
from training.metrics.agreement import (
    Accuracy,
    Agreement,
    Clusters,
    Hard,
    Rights,
    State,
    Transitions,
    accuracy,
    agreement_of,
    at_chance,
    hard_of,
    state_of,
    transitions_of,
)
from training.metrics.early_stopping import StoppedStudent, Stops, stopped_student, stops_of
from training.metrics.held_out import HeldOut, Tested, same_examples, test_of
from training.metrics.intervals import Estimate, combination, holm, low_outliers, measure, p_value, ratio
from training.metrics.significance import Discordant, mcnemar
from training.planning.plan import Plan, Triplet
from training.spec.methods import EasyToHard, Method
from training.storage.written_answers import Course, Outputs

ROLES = {"weak": "weak supervisor", "student": "student", "ceiling": "strong ceiling"}


class Outcome(Frozen):
    """Outcome of a triplet: test accuracies as fractions, None for an unfinished run, and the keys of its three runs."""

    method: str
    method_index: int
    seed: int
    weak_model: str
    strong_model: str
    weak: float | None
    student: float | None
    ceiling: float | None
    weak_run: str
    student_run: str
    ceiling_run: str

    @property
    def missing(self) -> list[str]:
        return [role for role in ROLES if getattr(self, role) is None]


class Group(Frozen):
    """One pair and method over seeds. ``pgr`` is None unless the state is ok; all measures are None without a complete seed."""

    weak_model: str
    strong_model: str
    method: str
    method_index: int
    seeds: tuple[int, ...]
    """Seeds whose three runs have finished: the basis of all measures below."""
    missing: tuple[int, ...]
    provisional: bool
    single_seed: bool
    """A single seed: the intervals contain no seed variance."""
    state: State
    reason: str
    pgr: Estimate | None = None
    gap: Estimate | None = None
    """B: ceiling - supervisor."""
    gain: Estimate | None = None
    """A: student - supervisor."""
    weak: Accuracy | None = None
    student: Accuracy | None = None
    ceiling: Accuracy | None = None
    transitions: Transitions | None = None
    agreement: Agreement | None = None
    stops: Stops | None = None
    """Students under each stop rule; None where one has no trajectory."""
    hard: Hard | None = None
    """Accuracies on the hard examples, for the method easy to hard only."""
    weak_at_chance: bool = False
    failed_ceilings: tuple[int, ...] = ()
    """Seeds whose ceiling is far below the ceilings of the other seeds."""


class Contrast(Frozen):
    """A method against the baseline method, for students of the same supervisors on the same seeds; no ceiling is needed.

    ``p_holm`` is adjusted for all contrasts of the pair. ``pgr_difference`` is (A - A_baseline) / B, where it has finite ends.
    """

    weak_model: str
    strong_model: str
    method: str
    method_index: int
    baseline: str
    baseline_index: int
    seeds: tuple[int, ...]
    difference: Estimate
    p: float
    p_holm: float
    pgr_difference: Estimate | None
    discordant: tuple[Discordant, ...] = ()
    """Discordant answers for each seed, the baseline's student first: a pair of runs by itself, without other seeds."""


class Result(Frozen):
    """The result so far; ``test_rows`` and ``classes`` are None until a run has finished, ``classes`` also of written answers."""

    test_rows: int | None
    classes: int | None
    triplets: tuple[Outcome, ...]
    groups: tuple[Group, ...]
    contrasts: tuple[Contrast, ...]
    data_warnings: tuple[str, ...] = ()
    """Warnings of the data set's checks, as known when the result was computed."""


TestReader = Callable[[str], Tested | None]
StopsReader = Callable[[str], StoppedStudent | None]


def summarize(
    plan: Plan, read: Callable[[str], Outputs], read_trajectory: Callable[[str], Course], on: HeldOut = "test"
) -> Result:
    """Return the result of all finished runs of ``plan``, on the test set.

    ``on="locked"`` opens the locked set instead, on which nothing was ever selected; trajectories do not contain its rows.
    ``read`` and ``read_trajectory`` return a run's artifacts by key and raise FileNotFoundError for an unfinished run. Raises
    ValueError where predictions are not numbers or two runs were tested on different examples.
    """
    first: list[Tested] = []

    @cache
    def read_test(key: str) -> Tested | None:
        try:
            test = test_of(read(key), key, on)
        except FileNotFoundError:
            return None
        first.append(test)
        if not same_examples(test, first[0]):
            raise ValueError(f"Run {key[:12]} was tested on other examples than the other runs: they cannot be compared.")
        return test

    @cache
    def read_stops(key: str) -> StoppedStudent | None:
        test = read_test(key) if on == "test" else None
        try:
            return test and stopped_student(read_trajectory(key), test.id, test.gold)
        except FileNotFoundError:
            return None

    outcomes = tuple(outcome_of(plan, triplet, read_test) for triplet in plan.triplets)
    pairs: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        pairs.setdefault((outcome.weak_model, outcome.strong_model), []).append(outcome)
    groups, contrasts = [], []
    for pair in pairs.values():
        numbers = dict.fromkeys(outcome.method_index for outcome in pair)  # a submitted student has one supervisor alone
        methods = [[outcome for outcome in pair if outcome.method_index == number] for number in numbers]
        groups += [group_of(rows, read_test, read_stops, plan.spec.methods[rows[0].method_index]) for rows in methods]
        contrasts += contrasts_of(methods, read_test)
    data = catalog.known_dataset(plan.spec.data.name)
    return Result(
        test_rows=len(first[0].id) if first else None,
        classes=first[0].classes if first else None,
        triplets=outcomes,
        groups=tuple(groups),
        contrasts=tuple(contrasts),
        data_warnings=data.warnings if data else (),
    )


def outcome_of(plan: Plan, triplet: Triplet, read_test: TestReader) -> Outcome:
    keys = {"weak": triplet.weak, "student": triplet.student, "ceiling": triplet.ceiling}
    tests = {role: read_test(key) for role, key in keys.items()}
    return Outcome(
        method=plan.spec.methods[triplet.method].kind,
        method_index=triplet.method,
        seed=triplet.seed,
        weak_model=triplet.weak_model,
        strong_model=triplet.strong_model,
        **{role: None if test is None else float(test.right.mean()) for role, test in tests.items()},
        **{f"{role}_run": key for role, key in keys.items()},
    )


def tested(outcomes: Sequence[Outcome], role: str, read_test: TestReader) -> list[Tested]:
    """Return the test predictions of the finished runs in this role, in the order of ``outcomes``."""
    return [test for outcome in outcomes if (test := read_test(getattr(outcome, f"{role}_run")))]


def rights(outcomes: Sequence[Outcome], roles: Sequence[str], read_test: TestReader) -> tuple[Rights, Clusters]:
    """Return the correctness of each run on each test example (roles, seeds, examples), and the group of each example."""
    by_role = [tested(outcomes, role, read_test) for role in roles]
    return np.stack([np.stack([test.right for test in row]) for row in by_role]), by_role[0][0].group


def group_of(outcomes: Sequence[Outcome], read_test: TestReader, read_stops: StopsReader, method: Method) -> Group:
    """Return the results of one pair and method, on the seeds whose three runs have finished."""
    complete = [outcome for outcome in outcomes if not outcome.missing]
    missing = tuple(outcome.seed for outcome in outcomes if outcome.missing)
    names = outcomes[0].model_dump(include={"weak_model", "strong_model", "method", "method_index"})
    if not complete:
        waiting = [role for role in ROLES if any(role in outcome.missing for outcome in outcomes)]
        reason = f"No seed has all three runs yet; missing: {', '.join(ROLES[role] for role in waiting)}."
        return Group(**names, seeds=(), missing=missing, provisional=True, single_seed=False, state="incomplete", reason=reason)

    right, clusters = rights(complete, ("weak", "student", "ceiling"), read_test)
    spread = measure(right, clusters)
    weak, student, ceiling = (accuracy(spread, right, role) for role in range(3))
    gain, gap = combination(spread, (-1, 1, 0)), combination(spread, (-1, 0, 1))
    pgr = ratio(spread, (-1, 1, 0), (-1, 0, 1))
    state, reason = state_of(weak, ceiling, gap, pgr)
    seeds = tuple(outcome.seed for outcome in complete)
    supervisors, students = tested(complete, "weak", read_test), tested(complete, "student", read_test)
    same = np.stack([weak.same(strong) for weak, strong in zip(supervisors, students, strict=True)])
    classes = students[0].classes
    by_rule = [replayed for outcome in complete if (replayed := read_stops(outcome.student_run))]
    return Group(
        **names,
        seeds=seeds,
        missing=missing,
        provisional=bool(missing),
        single_seed=len(seeds) == 1,
        state=state,
        reason=reason,
        pgr=pgr if state == "ok" else None,
        gap=gap,
        gain=gain,
        weak=weak,
        student=student,
        ceiling=ceiling,
        transitions=transitions_of(right[0], right[1], same, classes, clusters),
        agreement=agreement_of(right[0], same, clusters),
        stops=stops_of(right[[0, 2]], by_rule, clusters) if len(by_rule) == len(complete) else None,
        hard=(
            hard_of(right, np.stack([supervisor.easiness for supervisor in supervisors]), method.easy, clusters)
            if isinstance(method, EasyToHard)
            else None
        ),
        weak_at_chance=at_chance(weak, classes),
        failed_ceilings=tuple(seeds[index] for index in low_outliers(ceiling.per_seed, right.shape[2])),
    )


def contrasts_of(methods: Sequence[Sequence[Outcome]], read_test: TestReader) -> list[Contrast]:
    """Return the contrasts of the methods of one pair with naive, or with the first method where none is naive."""
    base = next((members for members in methods if members[0].method == "naive"), methods[0])
    contrasts = [contrast for members in methods if members is not base and (contrast := contrast_of(base, members, read_test))]
    adjusted = holm([contrast.p for contrast in contrasts])
    return [contrast.model_copy(update={"p_holm": p}) for contrast, p in zip(contrasts, adjusted, strict=True)]


def contrast_of(base: Sequence[Outcome], other: Sequence[Outcome], read_test: TestReader) -> Contrast | None:
    """Return the difference of student accuracies on the seeds where both students have finished; None without such a seed."""
    both = [
        (first, second)
        for first, second in zip(base, other, strict=True)
        if first.student is not None and second.student is not None
    ]
    if not both:
        return None
    names = both[0][1].model_dump(include={"weak_model", "strong_model", "method", "method_index"})
    (right, clusters), (other_right, _) = (rights(side, ("student",), read_test) for side in zip(*both, strict=True))
    spread = measure(np.concatenate([right, other_right]), clusters)
    p = p_value(spread, (-1, 1))
    return Contrast(
        **names,
        baseline=base[0].method,
        baseline_index=base[0].method_index,
        seeds=tuple(first.seed for first, _ in both),
        difference=combination(spread, (-1, 1)),
        p=p,
        p_holm=p,
        discordant=tuple(mcnemar(first.seed, *runs) for (first, _), *runs in zip(both, right[0], other_right[0], strict=True)),
        pgr_difference=_pgr_difference(
            [(first, second) for first, second in both if not first.missing and not second.missing], read_test
        ),
    )


def _pgr_difference(complete: Sequence[tuple[Outcome, Outcome]], read_test: TestReader) -> Estimate | None:
    """Return (A_other - A_base) / B by Fieller; None unless the gap B is resolved and positive and both ends are finite."""
    if not complete:
        return None
    (triplet, clusters), (student, _) = (
        rights([first for first, _ in complete], ("weak", "student", "ceiling"), read_test),
        rights([second for _, second in complete], ("student",), read_test),
    )
    spread = measure(np.concatenate([triplet, student]), clusters)
    difference = ratio(spread, (0, -1, 0, 1), (-1, 0, 1, 0))
    weak, _, ceiling = (accuracy(spread, np.concatenate([triplet, student]), role) for role in range(3))
    state, _ = state_of(weak, ceiling, combination(spread, (-1, 0, 1, 0)), difference)
    return difference if state == "ok" else None
