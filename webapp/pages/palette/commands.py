"""The commands of the palette: pages to go to and actions, each only for those who may open or do it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import resolve, reverse

from webapp.access import Access, Anybody, may_change
from webapp.experiments import queries, queue
from webapp.experiments.models import Experiment
from webapp.pages.documentation import documentation_context
from webapp.pages.palette.entries import Entry
from webapp.parsing import whole

MOST = 5
"""Commands beside records."""


@dataclass(frozen=True)
class Command:
    entry: Entry
    words: str = ""
    """Further words by which it is found."""

    def matches(self, text: str) -> bool:
        """Return whether every word of the text begins a word of the command; a number alone names a record."""
        if text.isdigit():
            return False
        words = re.findall(r"\w+", f"{self.entry.title} {self.words}".casefold())
        return all(any(word.startswith(part) for word in words) for part in text.split())


PAGES = (
    ("home", "Home", "start running drafts"),
    ("experiments", "Experiments", "list search"),
    ("projects", "Projects", "folders"),
    ("leaderboard", "Leaderboard", "methods ranking best"),
    ("compare", "Compare experiments", "differences"),
    ("datasets", "Data sets", "library datasets"),
    ("queue", "Queue", "waiting training order"),
    ("workers", "Workers", "devices gpu machines"),
    ("shares-list", "Shares", "reports links"),
    ("account", "Your account", "tokens password e-mail settings"),
    ("api", "API", "reference json"),
    ("people", "People", "accounts users invite"),
    ("audit", "Audit log", "history"),
)
"""Pages that need nothing but an account: the name of the address, the title, and further words."""

MAKES = (
    ("new", "New experiment", "create start launch"),
    ("import-archive", "Import an experiment", "archive zip upload"),
    ("upload", "Upload a data set", "add dataset file csv import"),
)
"""Pages where something is made, likewise."""

OWN = (
    Command(Entry("Switch between light and dark", presses="data-theme-toggle"), "theme mode colours"),
    Command(Entry("Show all keys", presses='data-open="help"'), "keyboard shortcuts help"),
)
"""Commands that the page itself carries out."""


def pages(request: HttpRequest, access: Access) -> list[Command]:
    """Return the pages that the account may open."""
    known = [*PAGES, ("docs", "Documentation", "help manual")] if documentation_context(request)["documented"] else PAGES
    return _open(access, known)


def actions(access: Access) -> list[Command]:
    """Return the actions that the account may do anywhere."""
    return [*_open(access, MAKES), *_of_admins(access), *OWN, Command(_post("Log out", "logout"), "sign out leave")]


def _open(access: Access, places: Iterable[tuple[str, str, str]]) -> list[Command]:
    open_to = [(reverse(name), title, words) for name, title, words in places]
    return [
        Command(Entry(title, address=address), words)
        for address, title, words in open_to
        if access >= resolve(address).func.access  # type: ignore[attr-defined]
    ]


def _of_admins(access: Access) -> list[Command]:
    if access < Access.ADMIN:
        return []
    paused = queue.pause_now() is not None
    title, do = ("Resume the queue", "resume") if paused else ("Pause the queue", "pause")
    return [Command(_post(title, "queue-pause", do), "runs workers")]


def _post(title: str, name: str, do: str = "", *arguments: int) -> Entry:
    return Entry(title, address=reverse(name, args=arguments), sends=do, posts=True)


def here(user: Anybody, access: Access, item: str) -> list[Command]:
    """Return what the account may do with the experiment of the page on which the palette is open; ``item`` is experiment:12."""
    kind, _, name = item.partition(":")
    pk = whole(name, low=1) if kind == "experiment" else None
    experiment = queries.visible(user).defer("spec", "triplets", "result").filter(pk=pk).first() if pk is not None else None
    return [] if experiment is None else _of_experiment(user, access, experiment)


def _of_experiment(user: Anybody, access: Access, experiment: Experiment) -> list[Command]:
    pk, state = experiment.pk, experiment.state
    entries = []
    if may_change(user, experiment):
        if state in ("running", "waiting"):
            entries.append(_post(f"Stop experiment {pk}", "stop", "", pk))
        if state in ("draft", "stopped", "failed"):
            entries.append(_post(f"Launch experiment {pk}", "launch", "", pk))
        entries.append(Entry(f"Rename or delete experiment {pk}", address=reverse("manage", args=[pk])))
    if access >= Access.MEMBER:
        entries.append(Entry(f"Clone experiment {pk}", address=f"{reverse('new')}?{urlencode({'from': pk})}"))
    if experiment.ended_at:
        named = (("explorer", "Disagreements"), ("diagnostics", "Diagnostics"), ("share", "Shares"), ("archive", "Archive"))
        entries += [Entry(f"{title} of experiment {pk}", address=reverse(name, args=[pk])) for name, title in named]
    return [Command(entry, "this") for entry in entries]
