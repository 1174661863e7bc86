"""The choice of the three models and of the split on the pages of an experiment's examples."""

from webapp.example_queries.view import NOWHERE
from webapp.experiments import imported_runs
from webapp.explorer.choices import SPLITS, Choice
from webapp.explorer.finished_models import Triplet
from webapp.explorer.titles import Subject
from webapp.findings.wording import lower, short_model


class ModelChoice(Subject):
    """Links to the same view of other models."""

    @property
    def elsewhere(self) -> list[str]:
        """Sentences on models of the experiment that were trained elsewhere."""
        return list(map(imported_runs.words, imported_runs.origins(model.run for model in self.finished.models)))

    @property
    def methods(self) -> list[Choice]:
        """Students of the same supervisor, ceiling and seed."""
        alike = [
            triplet
            for triplet in self.finished.triplets
            if (triplet.weak, triplet.ceiling) == (self.triplet.weak, self.triplet.ceiling)
        ]
        return [
            Choice(lower(self.names.shorts[triplet.student.method or 0]), self._seats(triplet), triplet == self.triplet)
            for triplet in alike
        ]

    @property
    def seeds(self) -> list[Choice]:
        alike = [triplet for triplet in self.finished.triplets if _kind(triplet) == _kind(self.triplet)]
        return [Choice(str(triplet.student.seed), self._seats(triplet), triplet == self.triplet) for triplet in alike]

    @property
    def pairs(self) -> list[Choice]:
        by_pair: dict[tuple[str, str], Triplet] = {}
        for triplet in self.finished.triplets:
            same = (triplet.student.method, triplet.student.seed) == (self.triplet.student.method, self.triplet.student.seed)
            pair = triplet.weak.name, triplet.student.name
            if same or pair not in by_pair:
                by_pair[pair] = triplet
        own = self.triplet.weak.name, self.triplet.student.name
        return [
            Choice(f"{short_model(weak)} to {short_model(strong)}", self._seats(triplet), (weak, strong) == own)
            for (weak, strong), triplet in by_pair.items()
        ]

    def _seats(self, triplet: Triplet) -> str:
        # The features of another model span another plane.
        rest = self.view if triplet.student.name == self.triplet.student.name else self.view.but(**NOWHERE)
        return rest.but(**self.finished.named(triplet)).query()

    @property
    def splits(self) -> list[Choice]:
        return [Choice(title, self.view.but(split=name).query(), name == self.view.split) for name, title in SPLITS.items()]


def _kind(triplet: Triplet) -> tuple[str, str, int | None]:
    return triplet.weak.name, triplet.student.name, triplet.student.method
