"""The records that the palette finds: each kind by an indexed query with a limit, whatever the size of the laboratory."""

import re
from collections.abc import Callable, Iterable

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from training import catalog
from webapp.access import Anybody
from webapp.experiments import queries
from webapp.experiments.models import Experiment, Part, Role, Run, Status
from webapp.pages.palette.entries import Entry
from webapp.parsing import whole
from webapp.shares.models import Share

MOST = 6
"""Entries of one kind."""

KEY = re.compile(r"[0-9a-f]{4,64}")
NUMBER = re.compile(r"#?([0-9]{1,19})")
AFTER_HEX = "g"
"""The letter after those of keys: every key that begins with a prefix lies between the prefix and the prefix with this letter."""


def number_in(text: str) -> int | None:
    """Return the number that the text names, such as #12, or None."""
    match = NUMBER.fullmatch(text)
    return whole(match[1]) if match else None


def experiments(viewer: Anybody, text: str) -> list[Entry]:
    """Return the experiment with this number, and the newest with the text in their names."""
    visible = queries.visible(viewer).only("name", "launched_at").order_by("-pk")
    named = list(visible.filter(name__icontains=text)[:MOST])
    number = number_in(text)
    first = visible.filter(pk=number).exclude(pk__in=[row.pk for row in named]) if number is not None else ()
    return [_experiment(row) for row in (*first, *named)][:MOST]


def _experiment(experiment: Experiment) -> Entry:
    return Entry(f"#{experiment.pk} {experiment.name}", "", reverse("experiment", args=[experiment.pk]))


def runs(viewer: Anybody, text: str) -> list[Entry]:
    """Return the run with this number, and those whose keys begin with the text."""
    named = Q()
    if (number := number_in(text)) is not None:
        named |= Q(pk=number)
    if KEY.fullmatch(text):
        named |= Q(key__gte=text, key__lt=text + AFTER_HEX)
    return [_run(row) for row in _with_experiment(viewer, Run.objects.filter(named))] if named else []


def _with_experiment(viewer: Anybody, runs: QuerySet[Run]) -> Iterable[Run]:
    """Return the first of the runs that the viewer may see, each with the newest experiment that has it."""
    parts = Part.objects.filter(run=OuterRef("pk"), experiment__in=queries.visible(viewer)).order_by("-experiment")
    newest = {"experiment": parts.values("experiment")[:1], "experiment_name": parts.values("experiment__name")[:1]}
    shown = runs.annotate(role=Subquery(parts.values("role")[:1]), **{name: Subquery(rows) for name, rows in newest.items()})
    return shown.filter(experiment__isnull=False).only("status", "key").order_by("-pk")[:MOST]


def _run(run: Run) -> Entry:
    role = Role(run.role).label.lower()  # type: ignore[attr-defined]
    of = f"#{run.experiment} {run.experiment_name}"  # type: ignore[attr-defined]
    return Entry(f"Run {run.pk}", f"{Status(run.status).label.lower()}, {role} of {of}", reverse("run", args=[run.pk]))


def datasets(viewer: Anybody, text: str) -> list[Entry]:
    """Return the data sets with the text in their names or titles, those that can be trained on first."""
    names = dict.fromkeys([*catalog.ready_datasets(), *catalog.REGISTERED])
    entries = (entry for name in names if (entry := _dataset(name)) and text in f"{name} {entry.title}".casefold())
    return [entry for entry, _ in zip(entries, range(MOST), strict=False)]


def _dataset(name: str) -> Entry | None:
    known = catalog.known_dataset(name) or catalog.REGISTERED.get(name)
    return Entry(known.title, name, reverse("dataset", args=[name])) if known else None


def reports(viewer: Anybody, text: str) -> list[Entry]:
    """Return the newest shares with the text in their titles."""
    return [_report(share) for share in shown_shares().filter(title__icontains=text)[:MOST]]


def shown_shares() -> QuerySet[Share]:
    """Return the shares that show something, the newest first: every account may read them at their permalinks."""
    shown = Share.objects.filter(Q(live=False) | Q(experiment__isnull=False))
    return shown.order_by("-pk").select_related("owner").defer("choices")


def _report(share: Share) -> Entry:
    kind = "live" if share.live else "frozen"
    return Entry(share.title, f"{kind}, by {share.owner.get_username()}", reverse("shares", args=[share.slug]))


KINDS: dict[str, Callable[[Anybody, str], list[Entry]]] = {
    "Experiments": experiments,
    "Runs": runs,
    "Data sets": datasets,
    "Reports": reports,
}
"""The search of each kind of record, by the title of its group."""


def opened(viewer: Anybody, items: Iterable[str]) -> list[Entry]:
    """Return the entries of items such as ``experiment:12`` that exist and that the viewer may see, in their order."""
    wanted = [(kind, name) for kind, _, name in (item.partition(":") for item in items)]

    def numbers(kind: str) -> list[int]:
        return [number for named, name in wanted if named == kind and (number := whole(name, low=1)) is not None]

    slugs = [name for kind, name in wanted if kind == "share"]
    known: dict[tuple[str, str], Entry] = {}
    for row in queries.visible(viewer).only("name").filter(pk__in=numbers("experiment")):
        known["experiment", str(row.pk)] = _experiment(row)
    for run in _with_experiment(viewer, Run.objects.filter(pk__in=numbers("run"))):
        known["run", str(run.pk)] = _run(run)
    for share in shown_shares().filter(slug__in=slugs):
        known["share", share.slug] = _report(share)
    for kind, name in wanted:
        if kind == "dataset" and (entry := _dataset(name)):
            known[kind, name] = entry
    return [known[item] for item in dict.fromkeys(wanted) if item in known]
