"""The form for the description of a data set."""

from collections.abc import Mapping as Fields

from pydantic import ValidationError

from training.catalog.dataset_card import About
from training.spec import describe
from webapp.pages.datasets.mapping_form import Input


class AboutForm:
    """The description of a data set that only a person knows."""

    def __init__(self, sent: Fields[str, str]) -> None:
        self.data = {name: str(value).strip() for name, value in sent.items()}
        self.problems: dict[str, list[str]] = {}

    def about(self) -> About | None:
        content = {name: self.data.get(name, "") for name in About.model_fields}
        try:
            return About.model_validate(content)
        except ValidationError as error:
            for problem in describe(error.errors()):
                self.problems.setdefault(problem.path, []).append(problem.message)
            return None

    @property
    def inputs(self) -> list[Input]:
        return [
            Input(name, info.title or name, info.description or "", self.data.get(name, ""), problems=self.problems.get(name, []))
            for name, info in About.model_fields.items()
        ]
