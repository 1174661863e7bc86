"""Warnings about an experiment: settings that are probably not intended, and those of the data set's checks."""

from collections.abc import Iterator

from training import catalog
from training.catalog.check_report import AnswerReport
from training.names import GIVEN
from training.spec.experiment import ExperimentSpec
from training.spec.given_supervisors import supervisors_of
from training.spec.problems import Problem

CHARACTERS = 5
"""Characters of a token of prose, rather more than on average. A run, whose tokenizer knows, refuses texts that are too long."""


def warnings(spec: ExperimentSpec) -> list[Problem]:
    """Return the warnings about settings that are probably not intended, and those of the data set's checks."""
    data = catalog.known_dataset(spec.data.name)
    problems = [Problem("data.name", warning) for warning in (data.warnings if data else ())]
    if data and data.report and data.report.answers:
        problems += _lengths(spec, data.report.answers)
    if data and data.parts:
        shares = "Test share and Locked share have no effect: the data set says which rows are in its test set."
        problems.append(Problem("data.test_fraction", shares))
    # The models of a stored experiment may be unknown by now, and a page does not resolve them.
    for weak in filter(None, map(catalog.known_model, spec.weak.models)):
        for strong in filter(None, map(catalog.known_model, spec.strong.models)):
            if weak.name == strong.name:
                problems.append(
                    Problem("strong.models", f"{weak.title} is both supervisor and student: expect no gap, so no PGR.")
                )
            elif weak.parameters > strong.parameters and weak.kind != "features":
                problems.append(Problem("strong.models", f"{weak.title} supervises the smaller {strong.title}."))
    for card in supervisors_of(spec):
        problems += [Problem("weak.models", f"“{card.name}”: {warning}") for warning in card.warnings]
        if card.files == 1 and spec.seeds > 1:
            problems.append(Problem("weak.models", single_file(card.name)))
    if spec.data.half_a_fraction and all(name.startswith(GIVEN) for name in spec.weak.models):
        sentence = "Every supervisor is given, so that no run uses half A: a share of 0 gives its rows to students and ceilings."
        problems.append(Problem("data.half_a_fraction", sentence))
    if spec.seeds < 3:
        problems.append(Problem("seeds", "With fewer than three seeds the intervals hardly know how results vary between seeds."))
    return problems


def single_file(name: str) -> str:
    return (
        f"“{name}” has one file, which stands for every seed: how such labels would vary from one making to another is not in "
        "the intervals."
    )


def _lengths(spec: ExperimentSpec, report: AnswerReport) -> Iterator[Problem]:
    """Yield a warning for each limit in tokens that the longest prompt or answer probably exceeds."""
    for role, training in (("weak", spec.weak), ("strong", spec.strong)):
        for name, what, (_, longest), most in (
            ("max_tokens", "prompt", report.prompt_characters, training.max_tokens),
            ("answer_tokens", "answer", report.answer_characters, training.answer_tokens),
        ):
            if longest > CHARACTERS * most:
                yield Problem(
                    f"{role}.{name}",
                    f"The longest {what} has {longest:,} characters, which are probably more than {most:,} tokens: a run whose "
                    f"{what}s are longer than this setting fails.",
                )
