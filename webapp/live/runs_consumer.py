"""The socket of a page that shows runs of several experiments."""

from typing import Any, ClassVar
from urllib.parse import parse_qs

from webapp.experiments.models import Run
from webapp.live.consumers import ExperimentConsumer
from webapp.live.socket_grants import Open, RunsGrant, account_of, open_runs
from webapp.live.socket_permissions import Rule
from webapp.parsing import whole

MOST_RUNS = 250
"""Runs of one socket. A request for more is refused, since the page would wait for those that were left out."""


class RunsConsumer(ExperimentConsumer):
    """Streams the runs that its address names, ``?runs=3,8``, as the socket of an experiment streams all of its runs.

    It opens only for runs that the account may see, each of them, and closes once one of them is gone.
    """

    rules: ClassVar[Rule] = staticmethod(open_runs)

    def requested_grant(self) -> Any:
        account, runs = account_of(self.scope), runs_of(self.scope["query_string"].decode("latin1"))
        return RunsGrant(account, runs) if account and runs is not None else None

    def prepare(self, access: Open) -> None:
        runs = Run.objects.filter(pk__in=runs_of(self.scope["query_string"].decode("latin1")) or ())
        self.last = dict(runs.values_list("pk", "last_seq"))


def runs_of(query: str) -> tuple[int, ...] | None:
    """Return the runs of an address in order, each once; None for too many, and for a text that is no number."""
    texts = ",".join(parse_qs(query).get("runs", []))
    numbers = dict.fromkeys(whole(text, low=1) for text in texts.split(",") if text)
    runs = tuple(number for number in numbers if number is not None)
    return runs if len(runs) == len(numbers) <= MOST_RUNS else None
