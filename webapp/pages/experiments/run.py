"""The page of a run: its settings, the experiments that need it, and its timeline."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser, User

from training import Triplet
from training.spec import GROUND_TRUTH
from webapp.access import may_stop
from webapp.accounts.viewer_text import events_for, lines_for, only_reads, text_for
from webapp.charts.live import Series, live_chart
from webapp.charts.numbers import rate
from webapp.charts.styles import WEAK
from webapp.charts.system import SystemChart, system_charts
from webapp.experiments import queries, run_logs
from webapp.experiments.models import ACTIVE, COMPARED, Experiment, Part, Role, Run, Status
from webapp.experiments.pace import seconds_left
from webapp.findings import imported_notes
from webapp.findings.claims import Note
from webapp.findings.curve_text import curve_text
from webapp.findings.curves import run_rows
from webapp.findings.pairs import Lane, Segment, latest_of, length_of, own_metrics
from webapp.findings.run_curves import wired
from webapp.findings.run_state import percent_of, run_words
from webapp.findings.wording import duration, method_title
from webapp.pages.experiments.forecast import forecast
from webapp.pages.experiments.run_settings import hashes_of, settings_of, steps_of, title_of
from webapp.pages.experiments.selection import MOST_RUNS
from webapp.pages.experiments.timeline import Line, lines_of
from webapp.pages.tab import Tab, tab

CHART = "run-chart"
STYLES = {Status.RUNNING: "live", Status.STOPPING: "live", Status.FINISHED: "done", Status.FAILED: "bad", Status.STOPPED: "part"}
SERIES = {"weak": "Weak supervisor", "ceiling": "Ceiling", "further": "Further run"}


class RunPage:
    def __init__(self, run: Run, viewer: User | AnonymousUser, find: str = "") -> None:
        self.run, self.viewer, self.find = run, viewer, find
        run.error, run.log = text_for(viewer, run.error), text_for(viewer, run.log)  # for display only; the object is not saved
        if only_reads(viewer):
            run.worker = ""
        self.spec = run.run_spec

    @cached_property
    def parts(self) -> list[Part]:
        parts = queries.visible_parts(self.viewer).filter(run=self.run)
        return list(parts.select_related("experiment").order_by("-experiment_id"))

    @property
    def experiments(self) -> list[Experiment]:
        return list({part.experiment_id: part.experiment for part in self.parts}.values())

    @property
    def role(self) -> Role:
        return Role(self.parts[0].role)

    @property
    def title(self) -> str:
        return title_of(self.role, self.spec)

    @property
    def word(self) -> str:
        if self.run.status == Status.RUNNING and self.run.phase == "starting":
            return "Starting"
        return Status(self.run.status).label

    @property
    def style(self) -> str:
        return STYLES.get(Status(self.run.status), "")

    @property
    def words(self) -> str:
        """The state in more words than ``word``."""
        if self.run.status == Status.FINISHED and self.run.accuracy is not None:
            return f"accuracy {rate(self.run.accuracy)}{self.selected}"
        words = run_words(self.run)
        return "" if words.capitalize() == self.word else words

    @property
    def selected(self) -> str:
        """The step that the run's stop rule selected."""
        last = queries.timeline([self.run], ["finished"]).last()
        return f" at step {last.payload['selected_step']:,} of {self.run.total_steps:,}" if last else ""

    @property
    def next(self) -> str:
        return forecast(self.run)

    @property
    def percent(self) -> float:
        return percent_of(self.run)

    @property
    def tab(self) -> Tab:
        return tab(self.run.status, lambda: self.percent, f"Run {self.run.pk}")

    @property
    def at_work(self) -> bool:
        return self.run.status in ACTIVE

    @property
    def stops(self) -> bool:
        """Return whether there is something to stop, for this account."""
        return self.run.status in ACTIVE and self.run.status != Status.STOPPING and may_stop(self.viewer, self.run)

    @property
    def took(self) -> str:
        return duration(self.run.seconds) if self.run.seconds else ""

    @property
    def left(self) -> str:
        left = seconds_left(self.run)
        return "" if left is None else f"about {duration(left)} left"

    @cached_property
    def alike(self) -> list[tuple[str, str]]:
        """Return comparisons with this run in its newest experiment: a title and the query of the address of each."""
        return [(title, urlencode([("r", pk) for pk in pks])) for title, pks in self._alike if len(pks) > 1]

    @property
    def _alike(self) -> list[tuple[str, list[int]]]:
        experiment = self.experiments[0]
        triplets = [Triplet(**triplet) for triplet in experiment.triplets]
        own = next((triplet for triplet in triplets if getattr(triplet, self.role, None) == self.run.key), None)
        if own is None:
            return []
        place = (own.weak_model, own.strong_model)
        pair = [triplet for triplet in triplets if (triplet.weak_model, triplet.strong_model) == place]
        seeds = [triplet for triplet in pair if triplet.method == own.method]
        methods = [triplet for triplet in pair if triplet.seed == own.seed]
        sides = {"the same in other seeds": [getattr(triplet, self.role) for triplet in seeds]}
        if self.role == Role.STUDENT:
            sides["other methods of this seed"] = [triplet.student for triplet in methods]
        sides["supervisor, student and ceiling"] = [getattr(own, role) for role in COMPARED]
        known = dict(Run.objects.filter(key__in={key for keys in sides.values() for key in keys}).values_list("key", "pk"))
        return [(title, self._with_this([known[key] for key in keys if key in known])) for title, keys in sides.items()]

    def _with_this(self, pks: list[int]) -> list[int]:
        """Return this run first, then others, at most as many as a comparison takes."""
        return list(dict.fromkeys([self.run.pk, *pks]))[:MOST_RUNS]

    @cached_property
    def labels_from(self) -> Run | None:
        return None if self.spec.labels == GROUND_TRUTH else Run.objects.filter(key=self.spec.labels).first()

    @property
    def settings(self) -> list[tuple[str, str]]:
        return settings_of(self.spec)

    @cached_property
    def elsewhere(self) -> list[Note]:
        """Notes on the laboratory where the run, or a run that it learned from, was trained."""
        return imported_notes.of_run(self.run)

    @property
    def hashes(self) -> list[tuple[str, str]]:
        hashes = [*hashes_of(self.spec), ("Key", self.run.key)]
        return [*hashes, ("Key in its archive", self.run.claimed_key)] if self.run.imported else hashes

    @cached_property
    def log(self) -> list[str]:
        """The last lines of its trainers, filtered by the search."""
        return lines_for(self.viewer, run_logs.lines(self.run.key, self.find))

    @cached_property
    def lines(self) -> list[Line]:
        events = list(queries.timeline([self.run]))
        for event, payload in zip(events, events_for(self.viewer, [event.payload for event in events]), strict=True):
            event.payload = payload
        return lines_of(events)

    @cached_property
    def newest(self) -> dict[str, Any]:
        return queries.newest([self.run.pk])[self.run.pk]

    @property
    def series(self) -> Series:
        title = SERIES.get(self.role.value, method_title(self.spec.method))
        role = self.role.value if self.role in COMPARED else "student"
        method = self.spec.method.kind if role == "student" and not self.spec.reads else ""
        own = () if self.spec.reads else own_metrics(self.spec.method if method else None, self.spec.dataset, self.spec.writes)
        return Series("run", role, title, self.steps, method, self.spec.reads, own)  # type: ignore[arg-type]

    @property
    def steps(self) -> int:
        return steps_of(self.run, self.spec)

    @cached_property
    def chart(self) -> dict[str, Any]:
        return live_chart([self.series], self.steps)

    @cached_property
    def system_charts(self) -> list[SystemChart]:
        return system_charts([self.series])

    @property
    def curve_rows(self) -> Iterator[dict[str, Any]]:
        """Every measurement of the run, as the chart has them."""
        return run_rows(self.run, {"series": "run", "title": self.series.title, "seed": self.spec.seed})

    @property
    def curve_text(self) -> str:
        lane = Lane(self.series, WEAK, self.spec.model, segments=[Segment(self.spec.seed, self.run)])
        return curve_text([(self.title, latest_of(lane, queries.newest([self.run.pk])))])

    @property
    def wire(self) -> dict[str, Any]:
        about = {"series": "run", "seed": self.spec.seed, "title": "This run", **length_of(self.spec)}
        return {"experiment": self.experiments[0].pk, "chart": CHART, **wired({self.run.pk: about}, [self.run])}
