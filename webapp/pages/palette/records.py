"""The records that the palette finds: each kind by an indexed query with a limit, whatever the size of the laboratory."""

import re
from collections.abc import Callable, Iterable

from django.contrib.auth.models import User
from django.db.models import Max
from django.urls import reverse

from training import catalog
from webapp.access import Anybody
from webapp.experiments import queries
from webapp.experiments.listing import newest_named
from webapp.experiments.listing_models import State
from webapp.experiments.models import Experiment, Part, Role, Run, Status
from webapp.organising import queries as organising
from webapp.organising.models import Project
from webapp.pages.palette.entries import Entry
from webapp.parsing import whole
from webapp.shares.models import Share
from webapp.shares.queries import readable

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
    visible = queries.visible(viewer).only("name", "state").order_by("-pk")
    named = list(visible.filter(pk__in=newest_named(viewer, text, MOST)))
    number = number_in(text)
    first = visible.filter(pk=number).exclude(pk__in=[row.pk for row in named]) if number is not None else ()
    return [_experiment(row) for row in (*first, *named)][:MOST]


def _experiment(experiment: Experiment) -> Entry:
    title = f"#{experiment.pk} {experiment.name}"
    return Entry(title, State(experiment.state).label.lower(), reverse("experiment", args=[experiment.pk]))


def runs(viewer: Anybody, text: str) -> list[Entry]:
    """Return the run with this number, and those whose keys begin with the text."""
    number = number_in(text)
    numbered = Run.objects.filter(pk=number) if number is not None else Run.objects.none()
    keyed = Run.objects.filter(key__gte=text, key__lt=text + AFTER_HEX) if KEY.fullmatch(text) else Run.objects.none()
    return _runs(viewer, [*numbered.only("status"), *keyed.only("status").order_by("key")[:MOST]][:MOST])


def _runs(viewer: Anybody, runs: Iterable[Run]) -> list[Entry]:
    """Return the entries of those runs that the viewer may see, each with the newest experiment that has it."""
    known = {run.pk: run for run in runs}
    newest = dict(Part.objects.filter(run__in=known).order_by().values_list("run").annotate(Max("experiment")))
    shown = queries.visible(viewer).only("name").in_bulk(newest.values())
    roles = dict(Part.objects.filter(run__in=known, experiment__in=shown).order_by("-position").values_list("run", "role"))
    return [_run(known[pk], shown[of], Role(roles[pk])) for pk, of in newest.items() if of in shown]


def _run(run: Run, experiment: Experiment, role: Role) -> Entry:
    of = f"{role.label.lower()} of #{experiment.pk} {experiment.name}"
    return Entry(f"Run {run.pk}", f"{Status(run.status).label.lower()}, {of}", reverse("run", args=[run.pk]))


def datasets(viewer: Anybody, text: str) -> list[Entry]:
    """Return the data sets with the text in their names or titles, those that can be trained on first."""
    names = dict.fromkeys([*catalog.ready_datasets(), *catalog.REGISTERED])
    entries = (entry for name in names if (entry := _dataset(name)) and text in f"{name} {entry.title}".casefold())
    return [entry for entry, _ in zip(entries, range(MOST), strict=False)]


def _dataset(name: str) -> Entry | None:
    known = catalog.known_dataset(name) or catalog.REGISTERED.get(name)
    return Entry(known.title, name, reverse("dataset", args=[name])) if known else None


def projects(viewer: Anybody, text: str) -> list[Entry]:
    """Return the projects with the text in their names, by name."""
    rows = organising.projects().filter(name__icontains=text)[:MOST]
    return [_project(row) for row in rows]


def _project(project: Project) -> Entry:
    return Entry(project.name, f"project of {project.owner.get_username()}", reverse("project", args=[project.pk]))


def saved_views(viewer: Anybody, text: str) -> list[Entry]:
    """Return the saved views of the account and those that others share, with the text in their names."""
    rows = organising.saved_views(viewer) if isinstance(viewer, User) else []
    named = [row for row in rows if text in row.name.casefold()]
    return [Entry(row.name, "saved view", f"{reverse('experiments')}?{row.query}") for row in named[:MOST]]


def reports(viewer: Anybody, text: str) -> list[Entry]:
    """Return the newest shares with the text in their titles."""
    return [_report(share) for share in readable().filter(title__icontains=text)[:MOST]]


def _report(share: Share) -> Entry:
    kind = "live" if share.live else "frozen"
    return Entry(share.title, f"{kind}, by {share.owner.get_username()}", reverse("shares", args=[share.slug]))


KINDS: dict[str, Callable[[Anybody, str], list[Entry]]] = {
    "Experiments": experiments,
    "Runs": runs,
    "Projects": projects,
    "Saved views": saved_views,
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
    for entry in _runs(viewer, Run.objects.filter(pk__in=numbers("run")).only("status")):
        known["run", entry.title.rpartition(" ")[2]] = entry
    for project in organising.projects().filter(pk__in=numbers("project")):
        known["project", str(project.pk)] = _project(project)
    for share in readable().filter(slug__in=slugs):
        known["share", share.slug] = _report(share)
    for kind, name in wanted:
        if kind == "dataset" and (known_set := _dataset(name)):
            known[kind, name] = known_set
    return [known[item] for item in dict.fromkeys(wanted) if item in known]
