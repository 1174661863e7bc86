"""The content of the home page: a fixed number of indexed queries, whatever the size of the laboratory."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from statistics import mean

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet

from training.metrics.intervals import Estimate
from webapp.access import Access, access_of
from webapp.accounts.home_visits import Visit
from webapp.accounts.viewer_text import only_reads
from webapp.charts.numbers import rate, rate_interval
from webapp.experiments import queries, queue, requirements, workers
from webapp.experiments.listing_models import State
from webapp.experiments.models import ACTIVE, LEASED, Experiment, Pause, Run, Status
from webapp.experiments.progress import progress
from webapp.findings.pairs import runs_text
from webapp.findings.wording import count, duration, time_left
from webapp.pages.experiments.list import STYLES
from webapp.pages.operations.workers import Line as WorkerLine
from webapp.pages.tab import Tab
from webapp.shares.models import Share
from webapp.shares.queries import readable

SHOWN_RUNNING, SHOWN_ENDED, SHOWN_DRAFTS, SHOWN_WORKERS, SHOWN_REPORTS = 5, 8, 5, 6, 5

AT_WORK = (State.RUNNING, State.STOPPING)
ENDED = (State.FINISHED, State.FAILED, State.STOPPED)
LARGE = ("triplets", "result", "result_runs", "result_error")
"""Columns of an experiment that the home page does not read."""


class Running:
    """An experiment at work; ``stops`` says whether this account may stop it, and it is not being stopped."""

    def __init__(self, experiment: Experiment, stops: bool) -> None:
        current = progress(experiment)
        self.experiment, self.stops = experiment, stops
        self.state = State(experiment.state).label
        self.percent = round(100 * current.fraction, 1)
        self.whole = int(self.percent)
        self.left = time_left(current.seconds_left, estimating=current.estimating)
        self.runs = runs_text(experiment.run_counts)


@dataclass(frozen=True)
class Ended:
    experiment: Experiment
    new: bool
    """True if it ended since the visit before."""
    ago: str

    @property
    def word(self) -> str:
        """The state, such as Done, or for a result without a PGR the reason, such as Unresolved."""
        experiment = self.experiment
        if experiment.state == State.FINISHED and experiment.pgr_state not in ("", "ok"):
            return "No headroom" if experiment.pgr_state == "saturated" else experiment.pgr_state.capitalize()
        return State(experiment.state).label

    @property
    def style(self) -> str:
        return STYLES.get(self.experiment.state, "") if self.word in State.labels else "part"

    @property
    def pgr(self) -> str:
        value = self.experiment.pgr
        return "" if value is None else f"PGR {rate(value, 2)}"

    @property
    def interval(self) -> str:
        value, low, high = self.experiment.pgr, self.experiment.pgr_low, self.experiment.pgr_high
        return "" if value is None else rate_interval(Estimate(value=value, low=low, high=high), 2)

    @property
    def failed(self) -> str:
        number = self.experiment.runs_failed
        return f"{count(number, 'run')} failed" if number else ""


class HomePage:
    """The home page of an account; ``own`` restricts what runs and what has ended to its own experiments."""

    def __init__(self, user: User, visit: Visit, *, own: bool) -> None:
        self.user, self.visit, self.own = user, visit, own
        self.access = access_of(user)
        self.member = self.access >= Access.MEMBER

    @property
    def experiments(self) -> QuerySet[Experiment]:
        visible = queries.visible(self.user).select_related("owner").defer(*LARGE)
        return visible.filter(owner=self.user) if self.own else visible

    # What runs now, also where it was archived: the index by state has few rows.

    @cached_property
    def running(self) -> list[Running]:
        """The experiments at work that were launched first."""
        rows = self.experiments.filter(state__in=AT_WORK).order_by("launched_at", "pk")[:SHOWN_RUNNING]
        return [Running(row, row.state == State.RUNNING and self._changes(row)) for row in rows]

    def _changes(self, experiment: Experiment) -> bool:
        """Return ``may_change`` of an experiment, without a query for each."""
        return self.access == Access.ADMIN or (self.access == Access.MEMBER and experiment.owner_id == self.user.pk)

    @cached_property
    def at_work(self) -> int:
        """The number of experiments at work."""
        return self.experiments.filter(state__in=AT_WORK).count()

    @property
    def more_running(self) -> int:
        return max(0, self.at_work - len(self.running))

    # What ended, in the order of an index: the state, which most experiments share, is not looked up in its own.

    @property
    def _at_rest(self) -> QuerySet[Experiment]:
        return self.experiments.filter(archived_at=None, ended_at__isnull=False).exclude(state__in=AT_WORK)

    @cached_property
    def ended(self) -> list[Ended]:
        rows = self._at_rest.order_by("-ended_at", "-pk")[:SHOWN_ENDED]
        return [Ended(row, self._is_new(row.ended_at), self._ago(row.ended_at)) for row in rows if row.ended_at]

    def _is_new(self, at: datetime | None) -> bool:
        return self.visit.since is not None and at is not None and at > self.visit.since

    def _ago(self, at: datetime) -> str:
        return f"{duration(max(timedelta(), self.visit.now - at))} ago"

    @cached_property
    def new(self) -> dict[str, int]:
        """The number of experiments that ended since the visit before, by state."""
        if self.visit.since is None:
            return {}
        rows = self._at_rest.filter(ended_at__gt=self.visit.since).order_by()
        return dict(rows.values_list("state").annotate(Count("pk")))

    @property
    def news(self) -> str:
        """The number that ended since the last visit: 3 done, 1 failed since your last visit, 2 h ago."""
        if self.visit.since is None:
            return "newest first"
        numbers = [f"{self.new[state]:,} {State(state).label.lower()}" for state in ENDED if state in self.new]
        return f"{', '.join(numbers) or 'nothing new'} since your last visit, {self._ago(self.visit.since)}"

    # The rest.

    @cached_property
    def drafts(self) -> list[Experiment]:
        """The newest drafts of the account, one more than are shown."""
        drafts = queries.visible(self.user).filter(owner=self.user, state=State.DRAFT, archived_at=None)
        return list(drafts.only("name", "created_at").order_by("-pk")[: SHOWN_DRAFTS + 1])

    @property
    def shown_drafts(self) -> list[Experiment]:
        return self.drafts[:SHOWN_DRAFTS]

    @property
    def more_drafts(self) -> bool:
        return len(self.drafts) > SHOWN_DRAFTS

    @cached_property
    def pause(self) -> Pause | None:
        return queue.pause_now()

    @cached_property
    def runs(self) -> dict[str, int]:
        """The number of runs by each status of those that are not at rest."""
        return dict(Run.objects.filter(status__in=ACTIVE).order_by().values_list("status").annotate(Count("pk")))

    @property
    def queue(self) -> str:
        """2 runs in training, 12 in the queue, 40 wait for labels"""
        training = sum(self.runs.get(status, 0) for status in LEASED)
        queued, waiting = self.runs.get(Status.QUEUED, 0), self.runs.get(Status.WAITING, 0)
        words = [f"{count(training, 'run')} in training", f"{queued:,} in the queue"]
        if waiting:
            words.append(f"{waiting:,} {'waits' if waiting == 1 else 'wait'} for labels")
        return ", ".join(words)

    @cached_property
    def workers(self) -> list[WorkerLine]:
        lines = [WorkerLine(**vars(standing)) for standing in workers.standings() if standing.online or standing.run]
        for number, line in enumerate(lines if only_reads(self.user) else (), 1):
            line.worker.name = f"worker {number}"  # for display only; the object is not saved
        return lines

    @property
    def shown_workers(self) -> list[WorkerLine]:
        return sorted(self.workers, key=lambda line: line.run is None)[:SHOWN_WORKERS]

    @property
    def more_workers(self) -> int:
        return max(0, len(self.workers) - SHOWN_WORKERS)

    @property
    def hindered(self) -> str:
        """Why nothing in the queue is taken, if there is a reason; a pause is said elsewhere."""
        if not self.runs.get(Status.QUEUED):
            return ""
        online = [line.worker for line in self.workers if line.online]
        return requirements.of_any(online) if online else "No worker is online."

    @cached_property
    def reports(self) -> list[Share]:
        return list(readable()[:SHOWN_REPORTS])

    @property
    def tab(self) -> Tab:
        """The tab: the mean progress of what is shown while something runs, otherwise how what is new has ended."""
        if self.running:
            return Tab(f"{int(mean(row.percent for row in self.running))}% · {self.at_work:,} running", "running")
        icon = "failed" if self.new.get(State.FAILED) else "done" if self.new else ""
        return Tab("Home", icon)

    @property
    def status(self) -> str:
        """The text of the live region: states, and no percents."""
        running = f"{count(self.at_work, 'experiment')} running" if self.at_work else "Nothing is running"
        return f"{running}; {self.news}" if self.visit.since is None or self.new else running
