"""What an experiment found about one pair, as sentences."""

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
    """A sentence in three parts, so that number and interval can be set apart: before <b>number</b> [interval] after."""

    before: str
    number: str = ""
    interval: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """The whole sentence."""
        return f"{self.before} {self.number} {self.interval}{self.after}" if self.number else self.before


@dataclass(frozen=True)
class Note:
    title: str
    text: str


class Claims(Evidence):
    """The claim, the sentences below it, and what a reader should know before believing them."""

    def how(self, group: Group) -> str:
        """naively; with a confidence loss; with confidence loss, weight 0.75"""
        several = sum(other.method == group.method for other in self.groups) > 1
        title = self.titles[group.method_index]
        if group.method in HOW and not several:
            return HOW[group.method]
        kind, _, settings = lower(title).partition(", ")
        return f"with {kind} ({settings})" if settings else f"with {kind}"

    def taught(self, group: Group, weak: str) -> str:
        """What the student learned from; ``weak`` where that is weak labels alone."""
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
            before = f"trained {self.how(group)} on {self.taught(group, 'a weaker model’s labels')}, {student} recovers"
            after = " of the gap to its own ceiling"
            if not group.pgr.excludes_zero:
                after += ", which does not differ from nothing"
            elif group.pgr.value < 0:
                after += ": it is worse than its supervisor"
            return Claim(so_far + self._start(before), f"{percent(group.pgr.value)}%", percent_interval(group.pgr), after + ".")
        if group.gap is None:
            return Claim(group.reason)
        if group.state == "saturated":
            return Claim(so_far + "Supervisor and ceiling are both right almost always, so there is no gap to recover.")
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
        """The sentences below the claim: the other methods, and how they differ."""
        found = []
        for group in self.complete:
            if group is not self.head and group.pgr:
                found.append(
                    f"Trained {self.how(group)} on {self.taught(group, 'the same labels')} it recovers "
                    f"{percent(group.pgr.value)}% {percent_interval(group.pgr)}."
                )
            elif not group.pgr and group.gain and group is self.head:
                number, interval, side = apart(group.gain)
                found.append(
                    f"The student trained {self.how(group)} is {number} points {interval} {side} its supervisor. "
                    "That difference stands on its own; the ratio does not."
                )
        for contrast in self.contrasts if len(self.contrasts) == 1 else []:
            found.append(self._difference_sentence(contrast))
        return found

    def _difference_sentence(self, contrast: Contrast) -> str:
        if contrast.pgr_difference and self.head.pgr:
            estimate, unit = contrast.pgr_difference, "points of the gap"
            return f"The paired difference is {percent(estimate.value)} {unit} {percent_interval(estimate)}."
        estimate = contrast.difference
        return f"The paired difference in accuracy is {points(estimate.value)} points {points_interval(estimate)}."

    @property
    def unresolved(self) -> list[Note]:
        """Why a PGR is not shown, once for each reason."""
        reasons: dict[str, list[Group]] = {}
        for group in self.complete:
            if group.state != "ok":
                reasons.setdefault(group.reason, []).append(group)
        return [Note(f"{STATES[groups[0].state]}.", reason) for reason, groups in reasons.items()]

    @property
    def state(self) -> str:
        """What the header adds to "Done": nothing where every PGR is there."""
        states = {group.state for group in self.groups} - {"ok"}
        return STATES[min(states)] if states and not any(group.state == "ok" for group in self.groups) else ""

    @property
    def notes(self) -> list[Note]:
        """What a reader should know before believing a number above."""
        found = [Note(ABOUT_DATA, warning) for warning in self.result.data_warnings]
        for group in self.complete[:1]:
            if group.single_seed:
                found.append(Note("One seed only", "The intervals know the test examples, not how results vary between seeds."))
            if group.weak_at_chance:
                chance = "one half" if self.result.classes == 2 else f"one in {self.result.classes}"
                found.append(
                    Note(
                        "Supervisor at chance",
                        f"Its accuracy does not differ from {chance}: its labels carry nothing to learn from.",
                    )
                )
            if group.failed_ceilings:
                seeds = joined([str(seed) for seed in group.failed_ceilings])
                found.append(
                    Note(
                        "A ceiling stands apart",
                        f"Far below the ceilings of the other seeds: seed {seeds}. It may not have trained.",
                    )
                )
        for group in self.complete:
            if group.hard and group.hard.student and group.hard.ceiling:
                found.append(
                    Note(
                        "On the hard part",
                        f"On the {percent(group.hard.share)}% of the test set where the supervisor’s loss is largest the student "
                        f"trained {self.how(group)} is right on {rate(group.hard.student.value)} "
                        f"{rate_interval(group.hard.student)}, "
                        f"the ceiling on {rate(group.hard.ceiling.value)} {rate_interval(group.hard.ceiling)}. "
                        "Its PGR is of the whole test set, and it learned no weak label.",
                    )
                )
        for missing in dict.fromkeys(group.missing for group in self.complete if group.missing):
            one = len(missing) == 1
            text = f"Seed{'' if one else 's'} {joined([str(seed) for seed in missing])} {'is' if one else 'are'} not complete."
            found.append(Note("Provisional", text))
        return found


def apart(difference: Estimate) -> tuple[str, str, str]:
    """A difference as a distance and a side, 5.7 and [−3.2, 14.5] below: number and interval are turned round together."""
    turned = difference.negated if difference.value < 0 else difference
    side = "below" if difference.value < 0 else "above"
    return points(turned.value, signed=False), points_interval(turned), side
