"""Rules for experiments with labels from outside, with a sentence for each setting and method that they exclude."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from training import catalog
from training.catalog import outside
from training.catalog.outside import OutsideCard
from training.names import GIVEN
from training.spec.methods import AdaBoost, Bagging, EasyToHard, FilterFraction, FilterThreshold, Method, Overlap

if TYPE_CHECKING:
    from training.spec.experiment import ExperimentSpec

Place = tuple[str | int, ...]

TRAINS_SUPERVISORS = (Bagging, AdaBoost)
"""Methods that train further supervisors like the one of the pair."""
READS_CONFIDENCE = (FilterThreshold, FilterFraction, Overlap, EasyToHard)
"""Methods that order rows by how sure the supervisor is."""


def problems_of(spec: "ExperimentSpec") -> Iterator[tuple[Place, str]]:
    """Yield the place and the sentence of everything that ``spec`` cannot do with labels from outside."""
    if any(name.startswith(GIVEN) for name in spec.strong.models):
        yield ("strong", "models"), "Labels from outside can only supervise: students and ceilings are trained."
    trained = [name for name in spec.weak.models if not name.startswith(GIVEN)]
    if spec.data.half_a_fraction == 0 and trained:
        sentence = f"Half A is empty, and {trained[0]} learns from it: only given supervisors need none."
        yield ("data", "half_a_fraction"), sentence
    data = catalog.known_dataset(spec.data.name)
    for card in supervisors_of(spec):
        title = f"“{card.name}”"
        if data and card.fingerprint != data.digest:
            yield ("weak", "models"), f"{title} labels {_other(card)}, and not the data set of this experiment."
        if 1 < card.files < spec.seeds:
            yield ("seeds",), f"{title} has a file for each of {card.files} seeds: choose at most as many seeds."
        for number, method in enumerate(spec.methods):
            if sentence := _lacks(card, method):
                yield ("methods", number), sentence


def supervisors_of(spec: "ExperimentSpec") -> list[OutsideCard]:
    """Return the cards of the labels from outside that supervise in ``spec``, as far as they are here."""
    return [card for name in spec.weak.models if (card := outside.card_of(name))]


def _other(card: OutsideCard) -> str:
    data = catalog.known_dataset(card.dataset)
    return f"an earlier content of {data.title}" if data and data.digest != card.fingerprint else f"“{card.dataset}”"


def _lacks(card: OutsideCard, method: Method) -> str:
    """Return the reason why ``method`` cannot be used with these labels, empty if it can."""
    if isinstance(method, TRAINS_SUPERVISORS):
        return f"This method trains its supervisor again on other samples, and “{card.name}” is given and not trained here."
    if card.hard and isinstance(method, READS_CONFIDENCE):
        return f"This method asks how sure the supervisor is, and “{card.name}” gives hard labels without probabilities."
    return ""
