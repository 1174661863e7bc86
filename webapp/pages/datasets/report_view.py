"""The report of a data set in words, tables and one drawing."""

from dataclasses import dataclass
from functools import cached_property

from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString, mark_safe

from training.catalog.check_report import Report, Sample
from webapp.charts.numbers import rate
from webapp.charts.text_lengths import darkness, lengths_chart
from webapp.findings.wording import count


@dataclass(frozen=True)
class Fact:
    title: str
    number: int
    text: str


@dataclass(frozen=True)
class ClassLine:
    number: int
    name: str
    rows: int
    share: str
    percent: float


SHOWN_CLASSES = 20
"""Number of classes that a report shows; of more, the largest and the smallest."""


class ReportView:
    """A report in words, tables and one drawing; ``names`` are those of the classes, from 0."""

    def __init__(self, report: Report, names: tuple[str, ...]) -> None:
        self.report, self.names = report, names

    @property
    def rows(self) -> str:
        return count(self.report.counts.kept, "row")

    @property
    def balance(self) -> str:
        """The balance of classes: "49.6% positive", or with more than two classes "4 classes, 24.1% to 25.6% of the rows"."""
        shares = self.report.shares
        if self.report.answers:
            return f"{count(self.report.answers.distinct, 'different answer')}"
        if len(shares) == 2:
            return f"{100 * shares[1]:.1f}% {self.names[1]}"
        least, most = (f"{100 * share:.{1 if len(shares) <= SHOWN_CLASSES else 2}f}%" for share in (min(shares), max(shares)))
        return (
            f"{len(shares):,} classes, {least} each"
            if least == most
            else f"{len(shares):,} classes, {least} to {most} of the rows"
        )

    @property
    def classes(self) -> list[ClassLine]:
        """The classes, of many those with the most and the fewest rows."""
        rows_of_classes = zip(self.names, self.report.classes, self.report.shares, strict=True)
        lines = [
            ClassLine(
                number, name, rows, f"{100 * share:.{1 if len(self.names) <= SHOWN_CLASSES else 2}f}%", round(100 * share, 1)
            )
            for number, (name, rows, share) in enumerate(rows_of_classes)
        ]
        if len(lines) <= SHOWN_CLASSES:
            return lines
        ordered = sorted(lines, key=lambda line: -line.rows)
        return [*ordered[: SHOWN_CLASSES // 2], *ordered[-SHOWN_CLASSES // 2 :]]

    @property
    def left_out(self) -> int:
        """Return the number of classes that are not shown."""
        return max(0, len(self.names) - SHOWN_CLASSES)

    @property
    def arrays(self) -> list[tuple[str, str, str]]:
        """The arrays of a feature bundle: name, numbers of a row, and what experiments call it."""
        return [
            (array.name, f"{array.width:,} x {array.type}", f"features:{array.name}, learning rate {array.learning_rate:g}")
            for array in self.report.arrays
        ]

    @property
    def parts(self) -> str:
        """The rows of each part of a split that the data set gives."""
        return ", ".join(f"{rows:,} {part}" for part, rows in self.report.parts.items())

    @property
    def groups(self) -> str:
        largest = self.report.largest_group
        return f"{count(self.report.groups, 'group')}, the largest with {count(largest, 'row')}"

    @property
    def sides(self) -> tuple[str, ...]:
        """The groups whose lengths are compared: classes, for pairs rejected and preferred texts, or prompts and answers."""
        if self.report.answers:
            return "prompts", "answers"
        return self.names if self.report.texts == 1 else ("rejected", "preferred")

    @cached_property
    def lengths(self) -> SafeString:
        return mark_safe(lengths_chart(self.report.lengths, self.sides))  # nosec B308, B703 # our own SVG, escaped by ElementTree

    @property
    def legend(self) -> list[tuple[str, int]]:
        """Each side with the darkness of its bars, in per cent."""
        return [(side, round(100 * darkness(number, len(self.sides)))) for number, side in enumerate(self.sides)]

    @property
    def medians(self) -> str:
        medians = self.report.lengths.median
        if len(medians) > 4:
            return f"median {min(medians):g} to {max(medians):g} words, by class"
        texts = ", ".join(f"{median:g} of {side}" for median, side in zip(medians, self.sides, strict=True))
        return f"median words: {texts}"

    @property
    def facts(self) -> list[Fact]:
        """The numbers from the rows of the source to the rows of the data set."""
        counts, written = self.report.counts, self.report.answers is not None
        images = self.report.images is not None
        without = (
            self._without
            if self.report.arrays
            else (
                "no answer, too long a one, or one without what the rule looks for"
                if written
                else "another label, or an image that cannot be read"
                if images
                else "another label, or two equal texts"
            )
        )
        several = f"{self.what} with several labels"
        left_out = [
            Fact("Copies", counts.copies, "the same pixels again" if images else "the same text again, but for case and spaces"),
            Fact("Conflicts", counts.conflicts, "prompts with different answers" if written else several),
            Fact("Answers without a counterpart", counts.unequal, "so that each question has as many right as wrong ones"),
            Fact("Of larger classes", counts.unbalanced, "drawn by hash, so that all are equal"),
        ]
        return [
            Fact("Rows of the source", counts.read, ""),
            *([Fact("Rows that give no example", counts.skipped, without)] if counts.skipped else []),
            Fact("Prompts with answers" if written else f"Labelled {self.what}", counts.examples, ""),
            *(fact for fact in left_out if fact.number),
        ]

    _without = "no class, or a class with too few rows"

    @property
    def what(self) -> str:
        """The noun for the examples."""
        return "rows" if self.report.arrays else "images" if self.report.images else "texts"

    @property
    def near(self) -> str:
        near = self.report.neighbours
        if self.report.images and not near.compared:
            return "Only images with equal pixels were looked for, and none of them is kept twice."
        if not near.near:
            return f"None among {near.compared:,} {self.what}."
        if self.report.arrays:
            return f"{near.near:,} of {near.compared:,} rows ({near.share:.2%}) have the features of a row of another group."
        other = "an image" if self.report.images else "a text"
        share = f"{near.near:,} of {near.compared:,} {self.what} ({near.share:.2%})"
        return f"{share} are nearly the same as {other} of another group."

    @property
    def near_pairs(self) -> list[list[tuple[str, str]]]:
        """The first near copies: name or text, and the address of the image, of both."""
        near = self.report.neighbours
        pictures = near.pictures or [("", "")] * len(near.examples)
        return [list(zip(pair, shown, strict=True)) for pair, shown in zip(near.examples, pictures, strict=False)][:3]

    @property
    def baselines(self) -> list[tuple[str, str, str, str, float]]:
        """Title, accuracy, interval, share of the largest class, and the accuracy in per cent for a bar."""
        return [
            (
                baseline.title[:1].upper() + baseline.title[1:],
                rate(baseline.accuracy),
                f"[{rate(baseline.low)}, {rate(baseline.high)}]",
                rate(baseline.majority),
                100 * baseline.accuracy,
            )
            for baseline in self.report.baselines
        ]

    @property
    def scored(self) -> str:
        """The sizes of the texts for training and scoring the baselines."""
        if not self.report.baselines:
            return "Too few rows or groups to train on some and score on others."
        scored = self.report.baselines[0].n
        return f"trained on {self.report.sampled - scored:,} {self.what}, scored on {scored:,} of other groups"

    @property
    def samples(self) -> list[tuple[str, str, str]]:
        """The class or the accepted answers of each sample, its text, and the address of its image."""
        return [(self._gold(sample), "\n\nor\n\n".join(sample.texts), sample.picture) for sample in self.report.samples]

    @property
    def images(self) -> list[tuple[str, str]]:
        """The findings about the images of a data set of images."""
        report = self.report.images
        if report is None:
            return []
        rows = self.report.counts.kept
        facts = [
            ("Width in pixels", _extent(report.width)),
            ("Height in pixels", _extent(report.height)),
            ("In grey", f"{report.grey:,} of {rows:,}"),
            ("Formats", ", ".join(f"{name} {number:,}" for name, number in report.formats.items())),
            ("Stored", filesizeformat(report.bytes)),
        ]
        if report.reduced:
            facts.append(("Made smaller", f"{report.reduced:,}, to a shorter side of at most 512 pixels"))
        return facts

    @property
    def broken(self) -> tuple[str, ...]:
        """Sentences about images that were left out since they could not be read."""
        return self.report.images.broken if self.report.images else ()

    def _gold(self, sample: Sample) -> str:
        return " or ".join(sample.answers) if sample.label is None else self.names[sample.label]

    @property
    def answers(self) -> list[tuple[str, str]]:
        """The findings about the answers of a generative data set."""
        report, rows = self.report.answers, self.report.counts.kept
        if report is None:
            return []
        median, longest = report.prompt_characters
        written, longest_written = report.answer_characters
        share = f"{100 * report.commonest_rows / rows:.1f}%"
        facts = [
            ("Different answers", f"{report.distinct:,}"),
            ("Commonest answer", f"“{report.commonest}”, {share} of the rows: what a model gets right that always writes it"),
            ("Rows with several answers", f"{report.several:,}"),
            ("Characters of a prompt", f"median {median:,}, longest {longest:,}"),
            ("Characters of an answer", f"median {written:,}, longest {longest_written:,}"),
        ]
        if report.difficulty:
            least, middle, most = report.difficulty
            facts.append(("Difficulty", f"{least:g} to {most:g}, median {middle:g}"))
        if report.columns:
            facts.append(("Further columns", ", ".join(report.columns)))
        return facts


def _extent(values: tuple[int, int, int]) -> str:
    least, median, most = values
    return f"{least:,}" if least == most else f"{least:,} to {most:,}, median {median:,}"
