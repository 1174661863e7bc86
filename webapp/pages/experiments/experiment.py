"""The page of one experiment, from the first run in the queue to the result: all that it says, for one pair of models."""

from functools import cached_property
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from training import ExperimentSpec
from training.metrics.results import Result
from training.spec import warnings
from webapp.access import Anybody
from webapp.accounts.viewer_text import events_for, text_for
from webapp.charts.live import live_chart
from webapp.charts.metrics import for_scripts
from webapp.experiments import queries, queue
from webapp.experiments.budget import spent_hours
from webapp.experiments.imported_runs import imported_runs
from webapp.experiments.models import COMPARED, LEASED, Experiment, Part, Pause, Role, Run, Status
from webapp.experiments.progress import Progress, progress
from webapp.experiments.queries import STATES
from webapp.findings import imported_notes
from webapp.findings.claims import ABOUT_DATA, Note
from webapp.findings.findings import Findings
from webapp.findings.overview import Overview
from webapp.findings.pairs import Latest, Pair, PairLanes, latest_of, pairs_of, runs_text, short_phase
from webapp.findings.partial import partial
from webapp.findings.test_set_uses import test_set_uses
from webapp.findings.wording import count, dataset_title, duration, kinds_text, lower, short_methods, short_model, time_left
from webapp.pages.experiments.list import AT_WORK, STYLES
from webapp.pages.experiments.setting_differences import Setting, differing
from webapp.pages.experiments.timeline import Restart, restarts
from webapp.parsing import whole

CHART = "live-chart"
SHOWN_FAILURES, SHOWN_RESTARTS = 3, 8


class Living:
    def __init__(self, experiment: Experiment, pair: str = "", viewer: Anybody | None = None) -> None:
        self.experiment, self.viewer = experiment, viewer or AnonymousUser()
        self.spec: ExperimentSpec = experiment.experiment_spec
        self.pairs: list[Pair] = pairs_of(self.spec)
        self.pair = self.pairs[whole(pair, high=len(self.pairs) - 1) or 0]
        self.state = queries.state(experiment)

    # What it is and how far it is.

    @property
    def word(self) -> str:
        """The state in words: Running; Launching; Done, PGR unresolved."""
        if self.experiment.transition:
            return self.experiment.get_transition_display()
        if self.state == "stopped" and self.findings and self.partial:
            return "Stopped, partial result"
        if self.state != "finished":
            return STATES[self.state]
        found = self.findings.state if self.findings else ""
        return f"Done, {found}" if found else "Done"

    @property
    def style(self) -> str:
        if self.state == "finished" and self.findings and self.findings.state:
            return "part"
        return STYLES.get(self.state, "")

    @property
    def stops(self) -> bool:
        """Whether there is something to stop."""
        return self.state in ("running", "waiting")

    @property
    def starts(self) -> str:
        """The word on the button that launches it, empty where that makes no sense."""
        return {"draft": "Launch", "stopped": "Launch again", "failed": "Launch again"}.get(self.state, "")

    @property
    def at_work(self) -> bool:
        return self.state in (*AT_WORK, "waiting")

    @property
    def dataset(self) -> str:
        return dataset_title(self.spec.data.name)

    @property
    def methods(self) -> str:
        return kinds_text(self.spec)

    @property
    def seeds(self) -> str:
        return count(self.spec.seeds, "seed")

    @property
    def transition(self) -> str:
        """Launching: 1,200 of 5,600 runs; empty where its record is not being changed."""
        one = self.experiment
        if not one.transition:
            return ""
        done = min(one.transition_done, one.transition_total)
        return f"{one.get_transition_display()}: {done:,} of {count(one.transition_total, 'run')}"

    @property
    def transition_percent(self) -> int:
        return min(100, 100 * self.experiment.transition_done // max(1, self.experiment.transition_total))

    @cached_property
    def progress(self) -> Progress:
        return progress(self.experiment)

    @property
    def percent(self) -> float:
        return round(100 * self.progress.fraction, 1)

    @property
    def left(self) -> str:
        return time_left(self.progress.seconds_left, estimating=self.progress.estimating) if self.at_work else ""

    @property
    def took(self) -> str:
        one = self.experiment
        if self.at_work or not (one.ended_at and one.launched_at):
            return ""
        return f"took {duration(one.ended_at - one.launched_at)}"

    @property
    def budget(self) -> str:
        """0.4 of 2 accelerator-hours used; empty without a budget."""
        limit = self.experiment.budget_hours
        return "" if limit is None else f"{spent_hours(self.experiment):.2g} of {limit:g} accelerator-hours used"

    @cached_property
    def counts(self) -> dict[str, int]:
        return queries.run_counts(self.experiment)

    @property
    def runs_text(self) -> str:
        return runs_text(self.counts) if self.run_count else "no runs yet"

    @property
    def now(self) -> str:
        """What is at work for it now; where nothing is, what it waits for."""
        at_work = queries.parts(self.experiment).filter(run__status__in=LEASED)
        first = at_work.first()
        if first:
            more = at_work.order_by().values("run").distinct().count() - 1
            return f"{self._named(first)}: {short_phase(first.run)}" + (f", and {count(more, 'more run')}" if more else "")
        busy = Part.objects.filter(run__status__in=LEASED).first()
        return f"waiting, a worker is busy with #{busy.experiment_id}" if busy else "waiting for a worker"

    @cached_property
    def next(self) -> str:
        """The run of it that is next in the queue."""
        first = queue.next_of(self.experiment) if self.counts[Status.QUEUED] else None
        part = queries.parts(self.experiment).filter(run=first).first() if first else None
        return self._named(part) if part else ""

    @property
    def pause(self) -> Pause | None:
        return queue.pause_now()

    def _named(self, part: Part) -> str:
        """ceiling, seed 0; with several pairs ceiling MiniLM L4, seed 0"""
        spec = part.run.run_spec
        what = lower(Role(part.role).label)
        if part.role == Role.STUDENT:
            index = next(one["method"] for one in self.experiment.triplets if one["student"] == part.run.key)
            what += f", {lower(short_methods(self.spec)[index])}"
        model = f" {short_model(spec.model)}" if len(self.pairs) > 1 else ""
        return f"{what}{model}, seed {spec.seed}"

    @property
    def test_rows(self) -> str:
        return count(self.result.test_rows, "test example") if self.result and self.result.test_rows else ""

    # Its runs.

    @cached_property
    def run_count(self) -> int:
        return sum(self.counts.values())

    @cached_property
    def lanes(self) -> PairLanes:
        """Of the pair that is shown: however many there are, the page shows one."""
        models = (self.pair.weak, self.pair.strong)
        mine = [one for one in self.experiment.triplets if (one["weak_model"], one["strong_model"]) == models]
        keys = {one[role] for one in mine for role in COMPARED}
        return PairLanes(self.spec, self.pair, mine, list(queries.parts(self.experiment).filter(run__key__in=keys)))

    @cached_property
    def elsewhere(self) -> list[Note]:
        """Of each archive that some of its runs came in."""
        return imported_notes.notes(self.experiment)

    @property
    def accepted(self) -> bool | None:
        """Whether new experiments may use the runs of the archive that it came in; None of one that came in none."""
        if self._content is None:
            return None
        mine = [run for run in imported_runs(self.experiment) if run.origin and self._content == run.origin["content"]]
        return all(run.accepted_at for run in mine) if mine else None

    @property
    def _content(self) -> str | None:
        return self.experiment.origin["content"] if self.experiment.origin else None

    @property
    def reused(self) -> int:
        """Runs that were finished before this experiment asked for them."""
        asked = self.experiment.launched_at
        if asked is None:
            return 0
        return queries.runs_of(self.experiment).filter(status=Status.FINISHED, ended_at__lt=asked).count()

    @cached_property
    def failed(self) -> int:
        """How many runs failed by themselves, not because a run that they need had failed."""
        return queries.failures(self.experiment).count() if self.counts[Status.FAILED] else 0

    @property
    def failures(self) -> list[Run]:
        """The first of them."""
        found = list(queries.failures(self.experiment)[:SHOWN_FAILURES]) if self.failed else []
        for run in found:  # on the page alone: nothing saves it
            run.error, run.log = text_for(self.viewer, run.error), text_for(self.viewer, run.log)
        return found

    @property
    def more_failures(self) -> int:
        return max(0, self.failed - SHOWN_FAILURES)

    @property
    def fallen(self) -> int:
        """Runs that failed because a run that they need had failed."""
        return self.counts[Status.FAILED] - self.failed

    @cached_property
    def latest(self) -> list[Latest]:
        newest = queries.newest(run.pk for lane in self.lanes.lanes for run in lane.runs)
        return [latest_of(lane, newest) for lane in self.lanes.lanes]

    @cached_property
    def restarts(self) -> list[Restart]:
        again = queries.runs_of(self.experiment).filter(~Q(status=Status.FINISHED) | Q(attempt__gt=1), attempt__gt=0)
        events = list(queries.timeline(again, ["lost", "released", "damaged"])[:SHOWN_RESTARTS]) if again.exists() else []
        for event, payload in zip(events, events_for(self.viewer, [event.payload for event in events]), strict=True):
            event.payload = payload
        return restarts(events)

    # The chart, made once: rows come through the socket.

    @cached_property
    def chart(self) -> dict[str, Any]:
        return live_chart([lane.series for lane in self.lanes.lanes], self.lanes.total_steps, self.lanes.seeds)

    @property
    def wire(self) -> dict[str, Any]:
        """What live.js needs to know: which run is drawn as what."""
        return {"experiment": self.experiment.pk, "chart": CHART, "metrics": for_scripts(), "runs": self.lanes.drawn()}

    # The result.

    @cached_property
    def result(self) -> Result | None:
        return None if self.experiment.result is None else Result.model_validate(self.experiment.result)

    @cached_property
    def findings(self) -> Findings | None:
        """None until one seed of this pair has all its runs."""
        found = Findings(self.spec, self.result, self.lanes) if self.result else None
        return found if found and found.any else None

    @cached_property
    def overview(self) -> Overview | None:
        """None for a single pair, and until one seed of one pair has all its runs."""
        found = Overview(self.spec, self.result) if self.result else None
        return found if found and found.any else None

    @property
    def version(self) -> str:
        """Changes when the result does."""
        error = "-" if self.experiment.result_error else ""
        return f"{self.pair.index}.{len(self.experiment.result_runs)}{error}{'' if self.findings else '.' + self.state}"

    @cached_property
    def partial(self) -> list[Note]:
        return partial(queries.cut(self.experiment), self.result)

    @property
    def notes(self) -> list[Note]:
        found = self.findings.notes if self.findings else []
        said = {note.text for note in found}
        asked = [problem for problem in warnings(self.spec) if problem.message not in said]
        titles = {"data.name": ABOUT_DATA}
        known = [Note(titles.get(problem.path, "Chosen despite a warning"), problem.message) for problem in asked]
        return [*self.partial, *found, *known, *([test_set_uses(self.experiment)] if self.result else [])]

    @cached_property
    def changes(self) -> list[Setting]:
        """What differs from the parent, each with the value before and the value now."""
        parent = self.experiment.parent
        return differing([parent.experiment_spec, self.spec]) if parent else []
