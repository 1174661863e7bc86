"""The page of a run: its settings, the experiments that need it, and its timeline."""

from functools import cached_property
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from training.planning.estimates import rows_of
from training.spec import GROUND_TRUTH, PLANNED, DataSpec, RunSpec, TrainingSpec
from webapp.access import may_stop
from webapp.accounts.viewer_text import events_for, lines_for, only_reads, text_for
from webapp.charts.live import Series, live_chart
from webapp.charts.metrics import for_scripts
from webapp.charts.numbers import rate
from webapp.charts.system import SystemChart, system_charts
from webapp.experiments import queries, run_logs
from webapp.experiments.models import ACTIVE, COMPARED, Experiment, Part, Role, Run, Status
from webapp.experiments.progress import seconds_left
from webapp.findings import imported_notes
from webapp.findings.claims import Note
from webapp.findings.pairs import own_metrics
from webapp.findings.run_state import percent_of, run_words
from webapp.findings.wording import dataset_title, duration, lower, method_title, model_title, short_model, value_text
from webapp.pages.experiments.forecast import forecast
from webapp.pages.experiments.timeline import Line, lines_of
from webapp.pages.tab import Tab, tab

CHART = "run-chart"
STYLES = {Status.RUNNING: "live", Status.STOPPING: "live", Status.FINISHED: "done", Status.FAILED: "bad", Status.STOPPED: "part"}
SERIES = {"weak": "Weak supervisor", "ceiling": "Ceiling", "further": "Further run"}
TITLES = {name: info.title for model in (DataSpec, TrainingSpec) for name, info in model.model_fields.items() if info.title}
HASHES = ("fingerprint", "digest")


def _text(value: object) -> str:
    """Return a setting as text; keys of other runs are abbreviated."""
    if isinstance(value, tuple):
        return ", ".join(map(_text, value)) or "none"
    text = value_text(value)
    return text[:12] if len(text) == 64 else text


def trained_on(spec: RunSpec) -> str:
    if spec.prompts:
        return "nothing: it answers prompts"
    return "nothing: derived from other runs’ predictions" if spec.derives else f"half {spec.half}"


class RunPage:
    def __init__(self, run: Run, viewer: User | AnonymousUser, find: str = "") -> None:
        self.run, self.viewer, self.find = run, viewer, find
        run.error, run.log = text_for(viewer, run.error), text_for(viewer, run.log)  # for display only; the object is not saved
        if only_reads(viewer):
            run.worker = ""
        self.spec = run.run_spec

    @cached_property
    def parts(self) -> list[Part]:
        visible = queries.visible(self.viewer)
        return list(self.run.parts.filter(experiment__in=visible).select_related("experiment").order_by("-experiment_id"))

    @property
    def experiments(self) -> list[Experiment]:
        return list({part.experiment_id: part.experiment for part in self.parts}.values())

    @property
    def role(self) -> Role:
        return Role(self.parts[0].role)

    @property
    def title(self) -> str:
        how = f", {lower(method_title(self.spec.method))}" if self.role == Role.STUDENT else ""
        what = "Texts first" if self.spec.reads else self.role.label
        return f"{what}{how}: {short_model(self.spec.model)}, seed {self.spec.seed}"

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
    def labels_from(self) -> Run | None:
        return None if self.spec.labels == GROUND_TRUTH else Run.objects.filter(key=self.spec.labels).first()

    @property
    def labels(self) -> str:
        if self.spec.members:
            return "the mean of its members’ labels"
        if self.spec.reads:
            return "none: it learns from the texts"
        if self.spec.errors != "own":
            return "the truth, with as many errors as another run’s"
        return "ground truth" if self.spec.labels == GROUND_TRUTH else "its supervisor’s"

    @property
    def settings(self) -> list[tuple[str, str]]:
        """Return what determines the run's outcome, as titles and values; the settings of its method follow the method."""
        spec = self.spec
        settings: list[tuple[str, str]] = [
            ("Data set", dataset_title(spec.dataset)),
            ("Trained on", trained_on(spec)),
            ("Model", model_title(spec.model)),
            ("Labels", self.labels),
        ]
        if spec.half == "B" and not spec.reads and (spec.labels != GROUND_TRUTH or spec.start is not None):
            titles = {name: field.title or name for name, field in type(spec.method).model_fields.items()}
            settings.append(("Method", method_title(spec.method)))
            settings += [(titles[name], value_text(value)) for name, value in spec.method if name != "kind"]
        for name, value in spec:
            if name not in self._hidden:
                title = TITLES.get(name, name.replace("_", " ").capitalize())
                settings.append((title, "all" if value is None else _text(value)))
        return settings

    @property
    def _hidden(self) -> set[str]:
        """Return the fields that are shown elsewhere, and those that this run does not use."""
        names = {"keep_weights", "dataset", "half", "labels", "model", "method", *HASHES}
        names |= {name for name, unused in RunSpec.unused(self.spec.adaptation).items() if unused is None}
        return names | {name for name in PLANNED if getattr(self.spec, name) == RunSpec.model_fields[name].default}

    @cached_property
    def elsewhere(self) -> list[Note]:
        """Notes on the laboratory where the run, or a run that it learned from, was trained."""
        return imported_notes.of_run(self.run)

    @property
    def hashes(self) -> list[tuple[str, str]]:
        digest = self.spec.digest or "none, starts from scratch"
        hashes = [("Data fingerprint", self.spec.fingerprint), ("Model digest", digest), ("Key", self.run.key)]
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
        own = own_metrics(self.spec.method, self.spec.dataset) if method else ()
        return Series("run", role, title, self.steps, method, self.spec.reads, own)  # type: ignore[arg-type]

    @property
    def steps(self) -> int:
        if self.run.total_steps:
            return self.run.total_steps
        rows = rows_of(self.spec.dataset, self.spec)
        return self.spec.epochs * -(-rows.train // self.spec.batch_size)

    @cached_property
    def chart(self) -> dict[str, Any]:
        return live_chart([self.series], self.steps)

    @cached_property
    def system_charts(self) -> list[SystemChart]:
        return system_charts([self.series])

    @property
    def wire(self) -> dict[str, Any]:
        drawn = {self.run.pk: {"series": "run", "seed": self.spec.seed, "title": "This run"}}
        return {"experiment": self.experiments[0].pk, "chart": CHART, "metrics": for_scripts(), "runs": drawn}
