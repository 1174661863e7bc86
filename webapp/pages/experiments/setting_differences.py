"""The settings in which experiments differ, with the titles and values of the form of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

from training import ExperimentSpec
from webapp.findings.wording import joined, lower, titles_of
from webapp.pages.experiments.form import SpecForm
from webapp.pages.fields import Group, Rows

EMPTY = "empty"


@dataclass(frozen=True)
class Setting:
    """One setting, with a value for each experiment in their order."""

    title: str
    values: list[str]


def differing(specs: Sequence[ExperimentSpec]) -> list[Setting]:
    """Return the settings that are not the same in all ``specs``, without the name."""
    columns = [_values(spec) for spec in specs]
    titles = dict.fromkeys(title for column in columns for title in column)
    settings = [Setting(title, [column.get(title, EMPTY) for column in columns]) for title in titles]
    return [setting for setting in [*settings, _methods(specs)] if len(set(setting.values)) > 1]


def _values(spec: ExperimentSpec) -> dict[str, str]:
    """Return the value of every setting but the methods by its title, such as "Weak supervisors, epochs"."""
    form = SpecForm.of(spec)
    groups = {node.path: node.title for node in form.nodes if isinstance(node, Group)}
    lists = tuple(f"{node.path}." for node in form.nodes if isinstance(node, Rows))
    values = {}
    for row in form.rows:
        path = row.leaf.path
        if row.leaf.setting.group != "head" and not path.startswith(lists):
            group = groups.get(path.partition(".")[0])
            values[f"{group}, {lower(row.title)}" if group else row.title] = row.shown or EMPTY
    return values


def _methods(specs: Sequence[ExperimentSpec]) -> Setting:
    """Return the methods of each experiment; those of one kind are distinguished by the settings in which they differ."""
    known = list(dict.fromkeys(method for spec in specs for method in spec.methods))
    titles = dict(zip(known, titles_of(known), strict=True))
    return Setting("Methods", [joined([lower(titles[method]) for method in spec.methods]) for spec in specs])
