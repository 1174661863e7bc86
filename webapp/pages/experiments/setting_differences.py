"""The settings in which experiments or runs differ, with the titles, units and values of the spec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from training import ExperimentSpec
from training.spec import GROUND_TRUTH, RunSpec
from webapp.findings.wording import joined, lower, titles_of
from webapp.pages import fields, form_data
from webapp.pages.experiments.form_options import options_of
from webapp.pages.experiments.form_rows import Row
from webapp.pages.experiments.run_settings import SHORT_KEY, hashes_of, settings_of
from webapp.pages.fields import Group, Node, Rows

EMPTY = "empty"
ABSENT = "–"
"""The value of a setting that a run does not have."""


@dataclass(frozen=True)
class Setting:
    """One setting, with a value for each experiment or run in their order. ``unit`` also says what an empty value means."""

    title: str
    values: list[str]
    unit: str = ""

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


def settings(specs: Sequence[ExperimentSpec]) -> list[Setting]:
    """Return every setting of ``specs`` without the name."""
    columns = [_values(spec) for spec in specs]
    titles = dict.fromkeys(title for column in columns for title in column)
    return [*(_setting(title, columns) for title in titles), *([_methods(specs)] if specs else [])]


def differing(specs: Sequence[ExperimentSpec]) -> list[Setting]:
    """Return the settings that are not the same in all ``specs``, without the name."""
    return [setting for setting in settings(specs) if setting.differs]


def run_settings(specs: Sequence[RunSpec]) -> list[Setting]:
    """Return every setting of runs, with the abbreviated keys and hashes that decide their outcome."""
    columns = [dict([*settings_of(spec), *_keys(spec)]) for spec in specs]
    titles = dict.fromkeys(title for column in columns for title in column)
    return [Setting(title, [column.get(title, ABSENT) for column in columns]) for title in titles]


def _keys(spec: RunSpec) -> list[tuple[str, str]]:
    labels = [] if spec.labels == GROUND_TRUTH else [("Labels from the run with the key", spec.labels)]
    return [(title, value[:SHORT_KEY] if len(value) == 64 else value) for title, value in [*labels, *hashes_of(spec)]]


def _setting(title: str, columns: Sequence[Mapping[str, tuple[str, str]]]) -> Setting:
    unit = next(column[title][1] for column in columns if title in column)
    return Setting(title, [column[title][0] if title in column else EMPTY for column in columns], unit)


@cache
def _single(model: type[ExperimentSpec]) -> tuple[Node, ...]:
    """Return the settings that are no list."""
    return tuple(node for node in fields.nodes(model) if not isinstance(node, Rows))


def _values(spec: ExperimentSpec) -> dict[str, tuple[str, str]]:
    """Return value and unit of every setting but the methods by its title, such as "Weak supervisors, epochs"."""
    nodes = _single(type(spec))
    raw = form_data.write_all(nodes, spec)
    groups = {node.path: node.title for node in nodes if isinstance(node, Group)}
    values = {}
    for leaf in fields.leaves(nodes, raw):
        if leaf.setting.group != "head":
            entered = raw.get(leaf.name, [])
            row = Row(leaf, entered, options_of(leaf, entered))
            group = groups.get(leaf.path.partition(".")[0])
            values[f"{group}, {lower(row.title)}" if group else row.title] = row.shown or EMPTY, row.unit
    return values


def _methods(specs: Sequence[ExperimentSpec]) -> Setting:
    """Return the methods of each experiment; those of one kind are distinguished by the settings in which they differ."""
    known = list(dict.fromkeys(method for spec in specs for method in spec.methods))
    titles = dict(zip(known, titles_of(known), strict=True))
    return Setting("Methods", [joined([lower(titles[method]) for method in spec.methods]) for spec in specs])
