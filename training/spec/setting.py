"""Metadata of a setting, beside the title, description and limits that pydantic keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic.fields import FieldInfo

from training.catalog import Adaptation

EVERY_ADAPTATION: tuple[Adaptation, ...] = ("probe", "full", "lora", "scratch")
TRANSFORMERS: tuple[Adaptation, ...] = ("probe", "full", "lora")
READERS = ("encoder", "decoder")
"""Kinds of models that read texts."""
PRETRAINED = (*READERS, "vision")
"""Kinds of models with a backbone."""


@dataclass(frozen=True, eq=False)
class Setting:
    """Presentation and scope of a setting, written into the annotation of its field: ``Annotated[int, Setting(unit="rows")]``."""

    group: Literal["head", "common", "further"] = "common"
    """Part of a form: its head, the settings that are always visible, or those that are folded."""
    unit: str = ""
    """Unit of a value, or the meaning of an empty one."""
    unit_explains: bool = False
    """True if the unit replaces the description where both are shown."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of the choices; a choice without one is shown as its value, capitalised."""
    hint: str = ""
    """A sentence for a form, after the description."""
    catalog: Literal["", "models", "supervisors", "datasets"] = ""
    """Part of the catalog that has the values on offer."""
    adaptations: tuple[Adaptation, ...] = EVERY_ADAPTATION
    """Adaptations of a model to which the setting applies."""
    kinds: tuple[str, ...] | None = None
    """Kinds of models to which the setting applies; None for all."""
    task: Literal["classes", "answers"] | None = None
    """Task of the runs to which the setting applies, to predict classes or to write answers; None for both."""

    def applies(self, adaptation: Adaptation, kind: str | None = None, *, writes: bool = False) -> bool:
        """Return whether a run with ``adaptation`` of a model of ``kind`` has a use for the setting; None is any kind.

        ``writes`` says whether the run writes answers.
        """
        of_task = self.task is None or (self.task == "answers") == writes
        return of_task and adaptation in self.adaptations and (self.kinds is None or kind is None or kind in self.kinds)


PLAIN = Setting()


def setting_of(info: FieldInfo) -> Setting:
    """Return the metadata of a field; fields without any have the defaults."""
    return next((note for note in info.metadata if isinstance(note, Setting)), PLAIN)
