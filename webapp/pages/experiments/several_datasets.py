"""One spec on several data sets at once: an experiment for each, with the results side by side on the page Compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from training import ExperimentSpec, catalog
from training.spec import describe
from webapp.experiments import queries
from webapp.findings.wording import count, dataset_title, duration

LONGEST_NAME = 120


@dataclass(frozen=True)
class Other:
    """The spec on another data set; None, with a sentence, if it does not fit there."""

    title: str
    spec: ExperimentSpec | None
    problem: str = ""

    @property
    def words(self) -> str:
        if self.spec is None:
            return self.problem
        preview = queries.preview(self.spec)
        if not preview.to_run:
            return "all runs are done"
        return f"{count(preview.to_run, 'run')} to train, about {duration(preview.seconds)}"


class Several:
    """Experiments on further data sets. ``names`` are the ticked ones; that of ``spec`` itself is ignored."""

    def __init__(self, spec: ExperimentSpec | None, names: Sequence[str]) -> None:
        self.spec, self.ticked = spec, [name for name in names if name in catalog.ready_datasets()]

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        return [(name, dataset_title(name), name in self.ticked) for name in catalog.ready_datasets()]

    @cached_property
    def others(self) -> list[Other]:
        if self.spec is None:
            return []
        return [_on(self.spec, name) for name in self.ticked if name != self.spec.data.name]

    @property
    def specs(self) -> list[ExperimentSpec]:
        return [spec for spec in (self.spec, *(other.spec for other in self.others)) if spec]

    @property
    def fits(self) -> bool:
        return all(other.spec for other in self.others)


def _on(spec: ExperimentSpec, name: str) -> Other:
    title = dataset_title(name)
    content = spec.model_dump(mode="json")
    content["data"]["name"], content["name"] = name, f"{spec.name} · {title}"[:LONGEST_NAME]
    try:
        return Other(title, ExperimentSpec.model_validate(content))
    except ValidationError as error:
        return Other(title, None, " ".join(problem.message for problem in describe(error.errors())))
