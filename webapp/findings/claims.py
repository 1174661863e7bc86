"""The findings of an experiment about one pair, as sentences."""

from dataclasses import dataclass

from training.metrics.intervals import Estimate
from training.metrics.results import Contrast, Group
from training.spec.methods import Naive
from webapp.charts.numbers import points, points_interval, rate, rate_interval
from webapp.findings.evidence import Evidence
from webapp.findings.wording import count, joined, lower, percent, percent_interval

HOW = {"naive": "naively", "confidence": "with a confidence loss"}
STATES = {
    "incomplete": "No result yet",
    "saturated": "No headroom",
    "inverted": "PGR undefined",
    "unresolved": "PGR unresolved",
    "ok": "",
}


ABOUT_DATA = "About the data"


@dataclass(frozen=True)
class Claim:
    """A sentence in parts, so that number and interval can be emphasised: before <b>number</b> [interval] after."""

    before: str
    number: str = ""
    interval: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """Return the whole sentence."""
        return f"{self.before} {self.number} {self.interval}{self.after}" if self.number else self.before


@dataclass(frozen=True)
class Note:
    title: str
    text: str


class Claims(Evidence):
    """The claim, the sentences below it, and the notes that qualify them."""

    def how(self, group: Group) -> str:
        """naively; with a confidence loss; with confidence loss, weight 0.75"""
        several = sum(other.method == group.method for other in self.groups) > 1
        title = self.titles[group.method_index]
        if group.method in HOW and not several:
            return HOW[group.method]
        kind, _, settings = lower(title).partition(", ")
        return f"with {kind} ({settings})" if settings else f"with {kind}"

    def labels_of(self, group: Group, weak: str) -> str:
        """Return the labels that the student learned from: ``weak`` if they are weak labels alone."""
        method = self.spec.methods[group.method_index]
        return weak if method.label_source == Naive.label_source else method.label_source

    @property
    def so_far(self) -> str:
        total = len(self.head.seeds) + len(self.head.missing)
        return f"So far, with {len(self.head.seeds)} of {count(total, 'seed')}: " if self.head.provisional else ""

    @property
    def claim(self) -> Claim:
        group = self.head
        so_far = self.so_far
        student = f"the {self.pair.strong_title} student"
        if group.state == "ok" and group.pgr:
            before = f"trained {self.how(group)} on {self.labels_of(group, 'a weaker model’s labels')}, {student} recovers"
            after = " of the gap to its own ceiling"
            if not group.pgr.excludes_zero:
                after += ", which is not distinguishable from zero"
            elif group.pgr.value < 0:
                after += ": it is worse than its supervisor"
            return Claim(so_far + self._start(before), f"{percent(group.pgr.value)}%", percent_interval(group.pgr), after + ".")
        if group.gap is None:
            return Claim(group.reason)
        if group.state == "saturated":
            return Claim(so_far + "Supervisor and ceiling are both almost always right, so there is no gap to recover.")
        number, interval, side = apart(group.gap)
        only = " only" if side == "above" and group.state == "unresolved" else ""
        reason = "there is no gap to recover" if group.state == "inverted" else "no share of the gap can be claimed"
        return Claim(
            so_far + self._start(f"the ceiling is{only}"), f"{number} points", interval, f" {side} the supervisor, so {reason}."
        )

    def _start(self, sentence: str) -> str:
        return sentence if self.so_far else sentence[:1].upper() + sentence[1:]

    @property
    def further(self) -> list[str]:
        """Return the sentences below the claim: the other methods and their differences."""
        sentences = []
        for group in self.complete:
            if group is not self.head and group.pgr:
                sentences.append(
                    f"Trained {self.how(group)} on {self.labels_of(group, 'the same labels')}, it recovers "
                    f"{percent(group.pgr.value)}% {percent_interval(group.pgr)}."
                )
            elif not group.pgr and group.gain and group is self.head:
                number, interval, side = apart(group.gain)
                sentences.append(
                    f"The student trained {self.how(group)} is {number} points {interval} {side} its supervisor. "
                    "This difference is meaningful by itself; the ratio is not."
                )
        for contrast in self.contrasts if len(self.contrasts) == 1 else []:
            sentences.append(self._difference_sentence(contrast))
        return sentences

    def _difference_sentence(self, contrast: Contrast) -> str:
        if contrast.pgr_difference and self.head.pgr:
            estimate, unit = contrast.pgr_difference, "points of the gap"
            return f"The paired difference is {percent(estimate.value)} {unit} {percent_interval(estimate)}."
        estimate = contrast.difference
        return f"The paired difference in accuracy is {points(estimate.value)} points {points_interval(estimate)}."

    @property
    def unresolved(self) -> list[Note]:
        """Return the reasons why a PGR is not shown, each once."""
        reasons: dict[str, list[Group]] = {}
        for group in self.complete:
            if group.state != "ok":
                reasons.setdefault(group.reason, []).append(group)
        return [Note(f"{STATES[groups[0].state]}.", reason) for reason, groups in reasons.items()]

    @property
    def state(self) -> str:
        """Return the addition to "Done" in the header: empty if any PGR is resolved."""
        states = {group.state for group in self.groups} - {"ok"}
        return STATES[min(states)] if states and not any(group.state == "ok" for group in self.groups) else ""

    @property
    def notes(self) -> list[Note]:
        """Return the notes that qualify the numbers above."""
        notes = [Note(ABOUT_DATA, warning) for warning in self.result.data_warnings]
        for group in self.complete[:1]:
            if group.single_seed:
                notes.append(
                    Note("One seed only", "The intervals cover the choice of test examples, but not the variation between seeds.")
                )
            if group.weak_at_chance:
                chance = "one half" if self.result.classes == 2 else f"one in {self.result.classes}"
                notes.append(
                    Note(
                        "Supervisor at chance",
                        f"Its accuracy does not differ from {chance}, so its labels carry no information to learn from.",
                    )
                )
            if group.failed_ceilings:
                seeds = joined([str(seed) for seed in group.failed_ceilings])
                notes.append(
                    Note(
                        "Outlying ceiling",
                        f"Seed {seeds}: far below the ceilings of the other seeds. Its training may have failed.",
                    )
                )
        for group in self.complete:
            if group.hard and group.hard.student and group.hard.ceiling:
                notes.append(
                    Note(
                        "On the hard part",
                        f"On the {percent(group.hard.share)}% of the test set with the largest supervisor loss, the student "
                        f"trained {self.how(group)} is right on {rate(group.hard.student.value)} "
                        f"{rate_interval(group.hard.student)}, "
                        f"the ceiling on {rate(group.hard.ceiling.value)} {rate_interval(group.hard.ceiling)}. "
                        "The student’s PGR is of the whole test set, and it learned from no weak labels.",
                    )
                )
        for missing in dict.fromkeys(group.missing for group in self.complete if group.missing):
            single = len(missing) == 1
            text = (
                f"Seed{'' if single else 's'} {joined([str(seed) for seed in missing])} {'is' if single else 'are'} not complete."
            )
            notes.append(Note("Provisional", text))
        return notes


def apart(difference: Estimate) -> tuple[str, str, str]:
    """Return a difference as a distance, its interval and a side: 5.7, [−3.2, 14.5], below.

    Number and interval change sign together.
    """
    turned = difference.negated if difference.value < 0 else difference
    side = "below" if difference.value < 0 else "above"
    return points(turned.value, signed=False), points_interval(turned), side
