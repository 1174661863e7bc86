"""The findings of an experiment about one pair, as tables. All numbers come from the stored result."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from training.metrics.agreement import Accuracy, Cell, Transitions
from training.metrics.early_stopping import Stop
from training.metrics.intervals import Estimate
from training.metrics.results import Group, Outcome
from webapp.cell_names import BOTH_RIGHT, COPIED_ERROR, CORRECTED, NEW_ERROR, OTHER_ERROR
from webapp.charts.numbers import p_text, points, points_interval, rate, rate_interval
from webapp.charts.svg import accuracy_axis, accuracy_range, accuracy_row
from webapp.findings.evidence import Evidence
from webapp.findings.pairs import Lane
from webapp.findings.wording import lower, short_methods

SIGNIFICANT = 0.05
NOT_SEPARATED = "not separated"


@dataclass(frozen=True)
class Seed:
    """One number of one seed, with its run."""

    seed: int
    run: Any
    value: str


@dataclass(frozen=True)
class AccuracyLine:
    lane: Lane
    value: str
    interval: str
    picture: str
    gain: str
    gain_interval: str
    pgr: str
    pgr_interval: str
    seeds: list[Seed]


@dataclass(frozen=True)
class TransitionCell:
    count: str
    share: str
    label: str
    percent: float
    key: bool


@dataclass(frozen=True)
class StopLine:
    """A student by one stop rule; ``steps`` are the steps of its seeds, from the earliest to the latest."""

    rule: str
    hindsight: bool
    steps: str
    value: str
    interval: str
    pgr: str
    pgr_interval: str


@dataclass(frozen=True)
class Difference:
    what: str
    estimate: Estimate
    reading: str

    @property
    def points(self) -> str:
        return points(self.estimate.value)

    @property
    def interval(self) -> str:
        return points_interval(self.estimate)


class Tables(Evidence):
    """Accuracies, seeds, differences, transitions and agreement."""

    @cached_property
    def axis(self) -> tuple[float, float]:
        return accuracy_range(self.complete)

    @property
    def axis_picture(self) -> str:
        return accuracy_axis(*self.axis)

    @property
    def accuracies(self) -> list[tuple[Lane, Accuracy, Estimate | None, Group]]:
        """Return for supervisor, students and ceiling: accuracy, difference from the supervisor, and the group that has them."""
        best = max(self.complete, key=lambda group: len(group.seeds))
        students = {f"m{group.method_index}": group for group in self.groups}
        rows = []
        for lane in self.lanes.lanes:
            group = students.get(lane.id, best)
            accuracy = {"weak": group.weak, "ceiling": group.ceiling}.get(lane.role, group.student)
            gain = {"weak": None, "ceiling": group.gap}.get(lane.role, group.gain)
            if accuracy:
                rows.append((lane, accuracy, gain, group))
        return rows

    @property
    def lines(self) -> list[AccuracyLine]:
        """Return the accuracy table: supervisor, students, ceiling."""
        return [self._line(*row) for row in self.accuracies]

    def _line(self, lane: Lane, accuracy: Accuracy, gain: Estimate | None, group: Group) -> AccuracyLine:
        pgr = group.pgr if lane.role == "student" else None
        return AccuracyLine(
            lane=lane,
            value=rate(accuracy.value),
            interval=rate_interval(accuracy),
            picture=accuracy_row(accuracy, lane.style, *self.axis),
            gain=points(gain.value) if gain else "",
            gain_interval=points_interval(gain) if gain else "",
            pgr=rate(pgr.value, 2) if pgr else "",
            pgr_interval=rate_interval(pgr, 2) if pgr else group.state if lane.role == "student" else "",
            seeds=self.seeds_of(lane),
        )

    def seeds_of(self, lane: Lane) -> list[Seed]:
        name = {"weak": "weak", "ceiling": "ceiling"}.get(lane.role, "student")
        index = int(lane.id[1:]) if lane.role == "student" else self.outcomes[0].method_index
        outcomes: Sequence[Outcome] = [outcome for outcome in self.outcomes if outcome.method_index == index]
        return [
            Seed(
                outcome.seed,
                self.lanes.run_of(getattr(outcome, f"{name}_run")),
                "–" if (value := getattr(outcome, name)) is None else rate(value),
            )
            for outcome in outcomes
        ]

    @property
    def by_seed(self) -> list[tuple[int, list[Seed]]]:
        """Return the table of all numbers: a row per seed, a column per lane."""
        columns = [self.seeds_of(lane) for lane in self.lanes.lanes]
        return [(cells[0].seed, list(cells)) for cells in zip(*columns, strict=False)]

    @property
    def differences(self) -> list[Difference]:
        differences = []
        best = max(self.complete, key=lambda group: len(group.seeds))
        if best.gap:
            differences.append(Difference("Ceiling over supervisor", best.gap, reading(best.gap, "ceiling", "supervisor")))
        for group in self.complete:
            if group.gain:
                title = self.titles[group.method_index]
                differences.append(
                    Difference(f"{title} student over supervisor", group.gain, reading(group.gain, "student", "supervisor"))
                )
        shorts = short_methods(self.spec)
        for contrast in self.contrasts:
            what = f"{self.titles[contrast.method_index]} over {lower(self.titles[contrast.baseline_index])}"
            better, other = (lower(shorts[index]) for index in (contrast.method_index, contrast.baseline_index))
            text = reading(contrast.difference, better, other) if contrast.p_holm < SIGNIFICANT else NOT_SEPARATED
            differences.append(Difference(what, contrast.difference, f"{text}, p {p_text(contrast.p_holm)}"))
        return differences

    @property
    def discordant(self) -> list[tuple[str, str, list[tuple[int, int, int, str]]]]:
        """Return method and baseline of each comparison, and per seed the examples that one alone gets right, with McNemar p."""
        return [
            (
                self.titles[contrast.method_index],
                self.titles[contrast.baseline_index],
                [(run.seed, run.second, run.first, p_text(run.p)) for run in contrast.discordant],
            )
            for contrast in self.contrasts
            if contrast.discordant
        ]

    @property
    def adjusted(self) -> bool:
        """Return whether the p values are adjusted for several comparisons."""
        return len(self.contrasts) > 1

    @property
    def stops(self) -> list[tuple[Lane, list[StopLine], str]]:
        """Return for each method the three stop rules, and the accuracy that hindsight adds to the selected step."""
        lanes = {lane.id: lane for lane in self.lanes.lanes}
        tables = []
        for group in self.complete:
            if stops := group.stops:
                own = self.spec.strong.stop
                rules = [] if own == "last" else [("Last step", stops.last)]
                rules += [(RULES[own], stops.selected), ("Hindsight", stops.hindsight)]
                over = f"{points(stops.overfitting.value)} {points_interval(stops.overfitting)}"
                tables.append((lanes[f"m{group.method_index}"], [stop_line(*rule) for rule in rules], over))
        return tables

    @property
    def selected(self) -> str:
        """Return the step of each run that the accuracies are from; the curves of the same page end at the last step."""
        weak, strong = (SELECTED[training.stop] for training in (self.spec.weak, self.spec.strong))
        if weak == strong:
            return f"each run {weak}"
        return f"supervisors {weak}, students and ceilings {strong}"

    @property
    def watched(self) -> int | None:
        """Return the number of test examples on which the stop rules are compared, None for the whole test set."""
        return next((group.stops.watched for group in self.complete if group.stops), None)

    @property
    def transitions(self) -> list[tuple[Lane, list[tuple[str, list[TransitionCell]]]]]:
        """Return for each method the cells in which the supervisor is right, and those in which it is wrong."""
        lanes = {lane.id: lane for lane in self.lanes.lanes}
        return [
            (lanes[f"m{group.method_index}"], transition_rows(group.transitions)) for group in self.complete if group.transitions
        ]

    @property
    def agreement(self) -> list[tuple[Lane, list[tuple[str, str]]]]:
        """Return for each method the agreement overall, where the supervisor is right and where it is wrong, with intervals."""
        lanes = {lane.id: lane for lane in self.lanes.lanes}
        return [
            (
                lanes[f"m{group.method_index}"],
                [
                    (rate(estimate.value), rate_interval(estimate)) if estimate else ("–", "")
                    for estimate in (group.agreement.overall, group.agreement.supervisor_right, group.agreement.supervisor_wrong)
                ],
            )
            for group in self.complete
            if group.agreement
        ]


def transition_rows(cells: Transitions) -> list[tuple[str, list[TransitionCell]]]:
    """Return cells by the supervisor's correctness; with more than two classes an error is copied or changed to another error."""
    wrong = [transition(CORRECTED, cells.corrected, key=True)]
    if cells.changed is None:
        wrong.append(transition(COPIED_ERROR, cells.copied))
    else:
        wrong += [transition(COPIED_ERROR, cells.copied), transition(OTHER_ERROR, cells.changed)]
    return [("right", [transition(BOTH_RIGHT, cells.kept), transition(NEW_ERROR, cells.lost)]), ("wrong", wrong)]


def transition(label: str, cell: Cell, key: bool = False) -> TransitionCell:
    percent = 100 * cell.share.value
    return TransitionCell(f"{cell.count:,.0f}", f"{percent:.1f}%", label, round(percent, 1), key)


SELECTED = {"validation": "at the best validation step, curves to the last", "last": "at the last step"}
RULES = {"validation": "Best on validation", "last": "Last step"}


def stop_line(rule: str, stop: Stop) -> StopLine:
    first, last = min(stop.steps), max(stop.steps)
    return StopLine(
        rule=rule,
        hindsight=stop.hindsight,
        steps=f"{first:,}" if first == last else f"{first:,} to {last:,}",
        value=rate(stop.accuracy.value),
        interval=rate_interval(stop.accuracy),
        pgr=rate(stop.pgr.value, 2) if stop.pgr else "",
        pgr_interval=rate_interval(stop.pgr, 2) if stop.pgr else stop.state,
    )


def reading(estimate: Estimate, first: str, second: str) -> str:
    if not estimate.excludes_zero:
        return NOT_SEPARATED
    return f"{first} better" if estimate.value > 0 else f"{second} better"
