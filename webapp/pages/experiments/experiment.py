"""The page of an experiment, from its first queued run to its result, for one pair of models."""

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
from webapp.experiments import queries, queue
from webapp.experiments.budget import spent_hours
from webapp.experiments.imported_runs import imported_runs
from webapp.experiments.listing_models import State
from webapp.experiments.models import COMPARED, LEASED, Experiment, Part, Pause, Role, Run, Status
from webapp.experiments.progress import Progress, progress
from webapp.findings import from_outside, imported_notes
from webapp.findings.claims import ABOUT_DATA, Note
from webapp.findings.findings import Findings
from webapp.findings.overview import Overview
from webapp.findings.pairs import Latest, Pair, PairLanes, latest_of, pairs_of, runs_text
from webapp.findings.partial import partial
from webapp.findings.run_state import short_phase
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
        self.state = experiment.state

    @property
    def word(self) -> str:
        """The state in words, such as Running, Launching, or "Done, PGR unresolved"."""
        if self.experiment.transition:
            return self.experiment.get_transition_display()
        if self.state == "stopped" and self.findings and self.partial:
            return "Stopped, partial result"
        if self.state != "finished":
            return State(self.state).label
        findings_state = self.findings.state if self.findings else ""
        return f"Done, {findings_state}" if findings_state else "Done"

    @property
    def style(self) -> str:
        if self.state == "finished" and self.findings and self.findings.state:
            return "part"
        return STYLES.get(self.state, "")

    @property
    def stops(self) -> bool:
        """Return whether there is something to stop."""
        return self.state in ("running", "waiting")

    @property
    def starts(self) -> str:
        """The label of the launch button; empty if there is nothing to launch."""
        return {"draft": "Launch", "stopped": "Launch again", "failed": "Launch again"}.get(self.state, "")

    @property
    def at_work(self) -> bool:
        return self.state in (*AT_WORK, "waiting")

    @property
    def result_due(self) -> bool:
        """Return whether every run has ended and only the result is missing: of that there is no event, only a notification."""
        return self.state == "running" and self.experiment.ended_at is not None

    @property
    def dataset(self) -> str:
        return dataset_title(self.spec.data.name)

    @property
    def methods(self) -> str:
        return kinds_text(method.kind for method in self.spec.methods)

    @property
    def seeds(self) -> str:
        return count(self.spec.seeds, "seed")

    @property
    def transition(self) -> str:
        """The progress of a launch or a stop, such as "Launching: 1,200 of 5,600 runs"; empty without one."""
        experiment = self.experiment
        if not experiment.transition:
            return ""
        done = min(experiment.transition_done, experiment.transition_total)
        return f"{experiment.get_transition_display()}: {done:,} of {count(experiment.transition_total, 'run')}"

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
        experiment = self.experiment
        if self.at_work or not (experiment.ended_at and experiment.launched_at):
            return ""
        return f"took {duration(experiment.ended_at - experiment.launched_at)}"

    @property
    def budget(self) -> str:
        """The used part of the budget, such as "0.4 of 2 accelerator-hours used"; empty without a budget."""
        limit = self.experiment.budget_hours
        return "" if limit is None else f"{spent_hours(self.experiment):.2g} of {limit:g} accelerator-hours used"

    @cached_property
    def counts(self) -> dict[str, int]:
        return self.experiment.run_counts

    @property
    def runs_text(self) -> str:
        return runs_text(self.counts) if self.run_count else "no runs yet"

    @property
    def now(self) -> str:
        """The run in training, or what the experiment waits for."""
        at_work = queries.parts(self.experiment).filter(run__status__in=LEASED)
        first = at_work.first()
        if first:
            more = at_work.order_by().values("run").distinct().count() - 1
            return f"{self._named(first)}: {short_phase(first.run)}" + (f", and {count(more, 'more run')}" if more else "")
        busy = Part.objects.filter(run__status__in=LEASED).first()
        return f"waiting, a worker is busy with #{busy.experiment_id}" if busy else "waiting for a worker"

    @cached_property
    def next(self) -> str:
        """The experiment's next run in the queue."""
        first = queue.next_of(self.experiment) if self.counts[Status.QUEUED] else None
        part = queries.parts(self.experiment).filter(run=first).first() if first else None
        return self._named(part) if part else ""

    @property
    def pause(self) -> Pause | None:
        return queue.pause_now()

    def _named(self, part: Part) -> str:
        """Name a run, such as "ceiling, seed 0", or with several pairs "ceiling MiniLM L4, seed 0"."""
        spec = part.run.run_spec
        what = lower(Role(part.role).label)
        if part.role == Role.STUDENT:
            index = next(triplet["method"] for triplet in self.experiment.triplets if triplet["student"] == part.run.key)
            what += f", {lower(short_methods(self.spec)[index])}"
        model = f" {short_model(spec.model)}" if len(self.pairs) > 1 else ""
        return f"{what}{model}, seed {spec.seed}"

    @property
    def test_rows(self) -> str:
        return count(self.result.test_rows, "test example") if self.result and self.result.test_rows else ""

    @cached_property
    def run_count(self) -> int:
        return sum(self.counts.values())

    @cached_property
    def lanes(self) -> PairLanes:
        """The lanes of the pair that is shown; the page shows one of any number of pairs."""
        models = (self.pair.weak, self.pair.strong)
        triplets = [triplet for triplet in self.experiment.triplets if (triplet["weak_model"], triplet["strong_model"]) == models]
        keys = {triplet[role] for triplet in triplets for role in COMPARED}
        return PairLanes(self.spec, self.pair, triplets, list(queries.parts(self.experiment).filter(run__key__in=keys)))

    @cached_property
    def elsewhere(self) -> list[Note]:
        """A note for each archive from which some of its runs came."""
        return imported_notes.notes(self.experiment)

    @property
    def accepted(self) -> bool | None:
        """Return whether new experiments may use the runs of the archive from which it was imported; None without an archive."""
        if self._content is None:
            return None
        imported = [run for run in imported_runs(self.experiment) if run.origin and self._content == run.origin["content"]]
        return all(run.accepted_at for run in imported) if imported else None

    @property
    def _content(self) -> str | None:
        return self.experiment.origin["content"] if self.experiment.origin else None

    @property
    def reused(self) -> int:
        """The number of runs that had finished before this experiment was launched."""
        launched_at = self.experiment.launched_at
        if launched_at is None:
            return 0
        return queries.runs_of(self.experiment).filter(status=Status.FINISHED, ended_at__lt=launched_at).count()

    @cached_property
    def failed(self) -> int:
        """The number of runs that failed by themselves, not because of a failed run that they need."""
        return queries.failures(self.experiment).count() if self.counts[Status.FAILED] else 0

    @property
    def failures(self) -> list[Run]:
        """The first failed runs."""
        runs = list(queries.failures(self.experiment)[:SHOWN_FAILURES]) if self.failed else []
        for run in runs:  # for display only; the object is not saved
            run.error, run.log = text_for(self.viewer, run.error), text_for(self.viewer, run.log)
        return runs

    @property
    def more_failures(self) -> int:
        return max(0, self.failed - SHOWN_FAILURES)

    @property
    def fallen(self) -> int:
        """The number of runs that failed because a run that they need had failed."""
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

    # The chart is made once; its rows come through the socket.

    @cached_property
    def chart(self) -> dict[str, Any]:
        return live_chart([lane.series for lane in self.lanes.lanes], self.lanes.total_steps, self.lanes.seeds)

    @property
    def wire(self) -> dict[str, Any]:
        """The data for live.js: each run with its series and its curves so far."""
        return {"experiment": self.experiment.pk, "chart": CHART, **self.lanes.curves()}

    @cached_property
    def result(self) -> Result | None:
        return None if self.experiment.result is None else Result.model_validate(self.experiment.result)

    @cached_property
    def findings(self) -> Findings | None:
        """The findings, or None until one seed of this pair has all its runs."""
        findings = Findings(self.spec, self.result, self.lanes) if self.result else None
        return findings if findings and findings.any else None

    @cached_property
    def overview(self) -> Overview | None:
        """The overview, or None for a single pair and until one seed of one pair has all its runs."""
        overview = Overview(self.spec, self.result) if self.result else None
        return overview if overview and overview.any else None

    @property
    def version(self) -> str:
        """A text that changes with the result."""
        error = "-" if self.experiment.result_error else ""
        return f"{self.pair.index}.{len(self.experiment.result_runs)}{error}{'' if self.findings else '.' + self.state}"

    @cached_property
    def partial(self) -> list[Note]:
        return partial(queries.cut(self.experiment), self.result)

    @property
    def notes(self) -> list[Note]:
        notes = self.findings.notes if self.findings else []
        further = [problem for problem in warnings(self.spec) if problem.message not in {note.text for note in notes}]
        titles = {"data.name": ABOUT_DATA}
        known = [Note(titles.get(problem.path, "Chosen despite a warning"), problem.message) for problem in further]
        known += [*from_outside.notes(self.experiment), *([test_set_uses(self.experiment)] if self.result else [])]
        return [*self.partial, *notes, *known]

    @cached_property
    def changes(self) -> list[Setting]:
        """The differences from the parent, each with the value before and the value now."""
        parent = self.experiment.parent
        return differing([parent.experiment_spec, self.spec]) if parent else []
