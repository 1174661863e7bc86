"""The law over random interleavings: what a page received equals a fresh read of the runs' events.

The columns of the runs are the fold of their events.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import claims
from tests.factories.experiments import launched
from tests.factories.watching_pages import Received, WatchingPage
from training.events import EVENT, MetricLogged
from webapp.experiments import queries, services
from webapp.experiments.bulk import FOLDED
from webapp.experiments.fold import fold
from webapp.experiments.models import LEASED, Event, Experiment, Run
from webapp.live.notify import notify_viewers

pytestmark = pytest.mark.django_db(transaction=True)

PAGES, RUNS = 3, 2


@dataclass(frozen=True)
class Emit:
    """The recorder of a run stores ``rows`` events and notifies so many times: not at all where the notification is lost.

    ``broken`` ends the attempt before them, and another worker goes on. ``awaited`` lets nothing else happen meanwhile.
    """

    run: int
    rows: int
    notifications: int
    broken: bool
    awaited: bool


@dataclass(frozen=True)
class Connect:
    page: int


@dataclass(frozen=True)
class Cut:
    """The connection of a page ends. What was on its way is lost unless it was ``read``."""

    page: int
    read: bool


@dataclass(frozen=True)
class Hide:
    """The tab of a page is hidden and sleeps, or it is shown again."""

    page: int
    asleep: bool


@dataclass(frozen=True)
class Restart:
    """The web process ends and another one begins, with all connections cut."""


@dataclass(frozen=True)
class Pass:
    """Time passes in the web process."""

    seconds: float


Action = Emit | Connect | Cut | Hide | Restart | Pass

pages = st.integers(0, PAGES - 1)
seldom = st.sampled_from([False] * 9 + [True])
emits = st.builds(Emit, st.integers(0, RUNS - 1), st.integers(1, 9), st.integers(0, 2), seldom, st.booleans())
passes = st.builds(Pass, st.sampled_from([0.0, 0.002, 0.03]))
comes, goes, hides = st.builds(Connect, pages), st.builds(Cut, pages, st.booleans()), st.builds(Hide, pages, st.booleans())
actions = st.one_of(emits, emits, comes, comes, goes, hides, passes, st.just(Restart()))


@dataclass
class Play:
    """A laboratory with one experiment, whose runs are at work, and pages that come and go."""

    experiment: Experiment
    runs: list[int]
    owner: User
    recorder: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    """Another process in production: it stores events while the web process reads."""
    web: asyncio.Runner = field(default_factory=asyncio.Runner)
    stored: list[Future[None]] = field(default_factory=list)
    open: dict[int, WatchingPage] = field(default_factory=dict)
    received: list[Received] = field(default_factory=lambda: [{} for _ in range(PAGES)])

    def act(self, action: Action) -> None:
        match action:
            case Emit():
                self.stored.append(self.recorder.submit(emit, self.runs[action.run], action))
                if action.awaited:
                    self.stored[-1].result()
            case Connect(page):
                self.connect(page)
            case Cut(page, read):
                self.cut(page, read)
            case Hide(page, asleep):
                self.hide(page, asleep)
            case Restart():
                self.web.close()
                self.web, self.open = asyncio.Runner(), {}
            case Pass(seconds):
                self.in_web(asyncio.sleep(seconds))

    def in_web(self, work: Coroutine[Any, Any, None]) -> None:
        self.web.run(work)

    def connect(self, number: int) -> None:
        async def connect() -> None:
            page = self.open[number] = WatchingPage(self.experiment, self.owner, self.received[number])
            await page.__aenter__()

        if number not in self.open:
            self.in_web(connect())

    def cut(self, number: int, read: bool) -> None:
        async def cut(page: WatchingPage) -> None:
            if read:
                await page.take_arrived()
            await page.disconnect()

        if page := self.open.pop(number, None):
            self.in_web(cut(page))

    def hide(self, number: int, asleep: bool) -> None:
        if page := self.open.get(number):
            self.in_web(page.say({"asleep": asleep}))

    def finish(self) -> None:
        """Wait until all events are stored, and each page has received the last ones."""
        for stored in self.stored:
            stored.result()
        self.recorder.submit(lambda: connection.close()).result()
        self.recorder.shutdown()
        truth = {run: queries.events_after(run, 0, limit=100_000) for run in self.runs}
        for number in range(PAGES):
            self.connect(number)
            self.hide(number, asleep=False)
            self.in_web(self.settle(self.open[number], truth))
        self.web.close()

    async def settle(self, page: WatchingPage, truth: Received) -> None:
        """Read to the last events, and then what else comes with the answer to a ping."""
        for run, events in truth.items():
            await page.until(run, events[-1]["seq"])
        await page.say({})
        await page.frame()
        await page.disconnect()
        await page.take_arrived()
        assert {run: page.received[run] for run in truth} == truth


def emit(run_id: int, action: Emit) -> None:
    run = Run.objects.get(pk=run_id)
    if action.broken and run.status in LEASED:
        services.lose(run.pk, run.attempt, "it broke off", "")
    claimed = claims.claim(run_id, "a worker") if run.status not in LEASED or action.broken else run
    assert claimed
    rows = [MetricLogged(step=claimed.last_seq + row, loss=0.5, lr=1) for row in range(action.rows)]
    assert claims.append_events(run_id, claimed.attempt, rows)
    for _ in range(action.notifications):
        notify_viewers([run_id])


def refolded(run: Run) -> dict[str, Any]:
    """The columns of a new run after all events of ``run``."""
    again = Run(key=run.key, spec=run.spec)
    for event in Event.objects.filter(run=run).order_by("seq"):
        fold(again, EVENT.validate_python(event.payload), event.at)
    return {name: getattr(again, name) for name in FOLDED if name != "lease_until"}


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pauses, frames and shared tails so small that few events reach their ends."""
    monkeypatch.setattr("webapp.live.hub.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("webapp.live.hub.TAIL", 12)
    monkeypatch.setattr("webapp.live.consumers.FRAME_EVENTS", 7)
    monkeypatch.setattr("webapp.live.hub.PAUSE_SECONDS", 0.005)
    monkeypatch.setattr("webapp.experiments.new_events.MOST_EVENTS", 10)
    monkeypatch.setattr("django.conf.settings.MAX_ATTEMPTS", 1000)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(actions, min_size=10, max_size=40))
def test_every_page_ends_with_exactly_the_events_of_its_runs(owner: User, broker: str, steps: list[Action]) -> None:
    Experiment.objects.all().delete()  # that of the example before
    Run.objects.all().delete()
    experiment = launched(owner)
    queued = experiment.runs.filter(status="queued").order_by("pk").values_list("pk", flat=True)
    play = Play(experiment, list(queued[:RUNS]), owner)
    try:
        for step in steps:
            play.act(step)
        play.finish()
    finally:
        play.recorder.shutdown()
        play.web.close()
    for run in Run.objects.filter(pk__in=play.runs):
        assert refolded(run) == {name: getattr(run, name) for name in FOLDED if name != "lease_until"}
