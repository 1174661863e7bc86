"""The command palette: what matches the typed text, as the options of its list."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from webapp.access import access_of, viewer
from webapp.pages.palette import commands, records
from webapp.pages.palette.entries import Entry, Group, group

LONGEST = 200
"""Characters of the typed text; the rest is ignored."""

MOST_RECENT = 8


@viewer
def palette(request: HttpRequest) -> HttpResponse:
    """Return the groups for the text ``q``; without one what was opened last (``recent``), what can be done here, and the pages.

    ``here`` and ``recent`` are items such as ``experiment:12``, the latter separated by spaces.
    """
    text = " ".join(request.GET.get("q", "")[:LONGEST].casefold().split())
    groups = _matching(request, text) if text else _offered(request)
    context = {"groups": groups, "text": text, "number": sum(len(shown.entries) for shown in groups)}
    return render(request, "partials/palette_entries.html", context)


def _offered(request: HttpRequest) -> list[Group]:
    access = access_of(request.user)
    recent = records.opened(request.user, request.GET.get("recent", "").split()[:MOST_RECENT])
    return [
        *group("Opened last", *recent),
        *group("Here", *_entries(commands.here(request.user, access, request.GET.get("here", "")))),
        *group("Do", *_entries(commands.actions(access))),
        *group("Go to", *_entries(commands.pages(request, access))),
    ]


def _matching(request: HttpRequest, text: str) -> list[Group]:
    access = access_of(request.user)
    here = commands.here(request.user, access, request.GET.get("here", ""))
    everything = [*here, *commands.actions(access), *commands.pages(request, access)]
    matching = [command for command in everything if command.matches(text)][: commands.MOST]
    rows = [(title, search(request.user, text)) for title, search in records.KINDS.items()]
    return [*group("Do and go to", *_entries(matching)), *(shown for title, entries in rows for shown in group(title, *entries))]


def _entries(matching: list[commands.Command]) -> list[Entry]:
    return [command.entry for command in matching]
