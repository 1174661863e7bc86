"""New events of several runs, for a reader who has those up to a number of each."""

from collections.abc import Mapping
from functools import reduce
from itertools import islice
from operator import or_
from typing import Any

from django.db.models import Q

from webapp.experiments.models import Event, Run
from webapp.experiments.queries import MOST_KEYS, as_row
from webapp.experiments.stored_events import readable_page

MOST_EVENTS = 1000
"""Events in one query."""

MOST_RUNS = 50
"""Runs in one query for events."""


def new_events(after: Mapping[int, int]) -> tuple[dict[int, list[dict[str, Any]]], set[int]]:
    """Return events after the number that is given for each run, oldest first, and the runs that have more.

    One query finds the runs that have any, another one reads them, at most ``MOST_EVENTS`` of ``MOST_RUNS`` runs. Those that are
    in files are read run by run, and left out where a file cannot be read.
    """
    wanted, numbers, more, room = list[Q](), dict[int, int](), set[int](), MOST_EVENTS
    for run, last in _last_numbers(after).items():
        number = min(last - after[run], room if len(wanted) < MOST_RUNS else 0)
        if number > 0:
            wanted.append(Q(run=run, seq__gt=after[run], seq__lte=after[run] + number))
            numbers[run] = number
            room -= number
        if after[run] + max(0, number) < last:
            more.add(run)
    events: dict[int, list[dict[str, Any]]] = {}
    if wanted:
        for event in Event.objects.filter(reduce(or_, wanted)).order_by("run", "seq"):
            events.setdefault(event.run_id, []).append(as_row(event))
    for run, number in numbers.items():
        if len(events.get(run, ())) < number:  # numbers have no gaps: the others are in a file
            events[run] = [as_row(event) for event in readable_page(run, after[run], number)]
    return {run: rows for run, rows in events.items() if rows}, more


def _last_numbers(after: Mapping[int, int]) -> dict[int, int]:
    keys, numbers = iter(after), dict[int, int]()
    while chunk := list(islice(keys, MOST_KEYS)):
        numbers |= Run.objects.filter(pk__in=chunk).values_list("pk", "last_seq")
    return numbers
