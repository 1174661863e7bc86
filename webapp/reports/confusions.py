"""The table of a report with the most frequent confusions of the student, where there are more than two classes."""

from webapp.example_queries.confusions import confusions_of
from webapp.example_queries.refusal import Refused as Unsearchable
from webapp.example_queries.view import View
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import open_view
from webapp.explorer.titles import class_names
from webapp.imports import blind
from webapp.reports.highlights import marks
from webapp.reports.report import Confused, ConfusedLine

SHOWN = 10


def confused(experiment: Experiment, table: int) -> Confused | None:
    """Return the confusions of the models that the explorer shows first, on the test set; None where it counts none.

    Of a blind data set there are none: where a class has few rows, they tell the labels of single examples.
    """
    if blind.owner_of(experiment.spec["data"]["name"]) is not None:
        return None
    try:
        with open_view(FinishedModels(experiment), View()) as opened:
            classes = opened.slice.about.classes
            if classes is None or classes == 2:
                return None
            confusions, (weak, student, _) = confusions_of(opened.slice), marks(opened)
            names = class_names(opened.triplet.student.spec.dataset)
    except (Missing, Unsearchable):
        return None
    lines = tuple(
        ConfusedLine(gold=names(pair.gold), label=names(pair.label), number=pair.number, of_gold=pair.of_gold, shared=pair.shared)
        for pair in confusions.student[:SHOWN]
    )
    return Confused(table=table, supervisor=weak, student=student, classes=classes, lines=lines) if lines else None
