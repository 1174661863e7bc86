"""Attribution of the answers of a view's three models to parts of an image: its patches, each tinted by its effect."""

from dataclasses import dataclass
from functools import cached_property
from math import exp

from training.command_output import Attribution, Patch
from webapp.attributions.models import Question
from webapp.charts.numbers import rate
from webapp.pages.explorer.attributions import AttributionPage, tint, top_of


@dataclass(frozen=True)
class Tile:
    """A patch in percent of the image: ``tint`` is for1 to for5 or against1 to against5, empty for a very small effect."""

    x: float
    y: float
    width: float
    height: float
    tint: str
    words: str
    """Its place and the change of the probability when it is covered."""
    change: float


@dataclass(frozen=True)
class Heat:
    """The attribution of one model: ``probability`` of the gold label without cover, and the patches with the largest effects."""

    title: str
    token: str
    question: Question | None
    probability: str
    tiles: list[Tile]

    @property
    def top(self) -> list[tuple[str, list[Tile]]]:
        """The patches with the largest effects for the gold label and against it."""
        return top_of(self.tiles)

    @property
    def text(self) -> str:
        """The drawing in words."""
        parts = [f"{title}: {', '.join(tile.words for tile in side)}" for title, side in self.top]
        return f"{self.title}, P(gold label) {self.probability}; {'; '.join(parts) or 'no patch has an effect'}"


class OcclusionPage(AttributionPage):
    """The effects of patches, as changes of the probability of the gold label."""

    template = "partials/occlusion.html"

    @cached_property
    def columns(self) -> list[Heat]:
        answers = [self._attribution(model.key) for model in self.triplet.all]
        scale = max((abs(change) for answer in answers if answer for change in changes(answer)), default=0.0)
        return [
            Heat(
                title,
                self.names.style(model).token,
                self.questions.get(model.key),
                rate(probability(answer.log_odds), 2) if answer else "",
                tiles(answer, scale) if answer else [],
            )
            for title, model, answer in zip(self.titles, self.triplet.all, answers, strict=True)
        ]


def probability(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds)) if log_odds > 0 else exp(log_odds) / (1 + exp(log_odds))


def changes(answer: Attribution) -> list[float]:
    """Return the probability of the gold label without cover minus that with each patch covered."""
    whole = probability(answer.log_odds)
    return [whole - probability(answer.log_odds - patch.effect) for patch in answer.patches]


def tiles(answer: Attribution, scale: float) -> list[Tile]:
    rows, columns = (sorted({getattr(patch, edge) for patch in answer.patches}) for edge in ("top", "left"))
    return [
        _tile(patch, change, scale, rows.index(patch.top) + 1, columns.index(patch.left) + 1)
        for patch, change in zip(answer.patches, changes(answer), strict=True)
    ]


def _tile(patch: Patch, change: float, scale: float, row: int, column: int) -> Tile:
    return Tile(
        x=round(100 * patch.left, 3),
        y=round(100 * patch.top, 3),
        width=round(100 * (patch.right - patch.left), 3),
        height=round(100 * (patch.bottom - patch.top), 3),
        tint=tint(change, scale),
        words=f"row {row}, column {column} {-change:+.2f}".replace("-", "−").replace("0.", "."),
        change=change,
    )
