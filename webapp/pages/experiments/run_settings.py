"""The settings that decide the outcome of a run, as titles and values."""

from training import catalog
from training.answers import AnswerRule
from training.catalog import outside
from training.catalog.bundles import array_of
from training.planning.estimates import rows_of
from training.spec import GROUND_TRUTH, PLANNED, DataSpec, RunSpec, TrainingSpec
from webapp.experiments.models import Role, Run
from webapp.findings.wording import dataset_title, lower, method_title, model_title, short_model, value_text

TITLES = {name: info.title for model in (DataSpec, TrainingSpec) for name, info in model.model_fields.items() if info.title}
HASHES = ("fingerprint", "digest")
SHORT_KEY = 12
"""Characters of a key that identify a run for a reader."""


def title_of(role: Role, spec: RunSpec) -> str:
    """Return the title of a run, such as "Student, confidence loss: MiniLM L4, seed 0"."""
    return f"{role_of(role, spec)}: {short_model(spec.model)}, seed {spec.seed}"


def role_of(role: Role, spec: RunSpec) -> str:
    if spec.reads:
        return "Texts first"
    return f"{role.label}, {lower(method_title(spec.method))}" if role == Role.STUDENT else role.label


def steps_of(run: Run, spec: RunSpec) -> int:
    """Return the number of steps of a run, estimated until it has started."""
    return run.total_steps or spec.epochs * -(-rows_of(spec.dataset, spec, spec.half).train // spec.batch_size)


def text_of(value: object) -> str:
    """Return a setting as text; keys of other runs are abbreviated."""
    if isinstance(value, tuple):
        return ", ".join(map(text_of, value)) or "none"
    text = value.title if isinstance(value, AnswerRule) else value_text(value)
    return text[:SHORT_KEY] if len(text) == 64 else text


def trained_on(spec: RunSpec) -> str:
    if spec.prompts:
        return "nothing: it answers prompts"
    if spec.given:
        return "nothing here: its labels come from outside"
    return "nothing: derived from other runs’ predictions" if spec.derives else f"half {spec.half}"


def labels(spec: RunSpec) -> str:
    if spec.given:
        return "given"
    if spec.members:
        return "what most of its members wrote" if spec.writes else "the mean of its members’ labels"
    if spec.reads:
        return "none: it learns from the texts"
    if spec.errors != "own":
        return "the truth, with as many errors as another run’s"
    if spec.writes:
        return "true answers" if spec.labels == GROUND_TRUTH else "what its supervisor wrote"
    return "ground truth" if spec.labels == GROUND_TRUTH else "its supervisor’s"


def settings_of(spec: RunSpec) -> list[tuple[str, str]]:
    """Return what determines the run's outcome; the settings of its method follow the method."""
    settings: list[tuple[str, str]] = [
        ("Data set", dataset_title(spec.dataset)),
        ("Trained on", trained_on(spec)),
        ("Model", model_title(spec.model)),
        ("Labels", labels(spec)),
    ]
    if note := _note(spec):
        settings.insert(3, ("Source" if spec.given else "Weights", note))
    if spec.half == "B" and not spec.reads and (spec.labels != GROUND_TRUTH or spec.start is not None):
        titles = {name: field.title or name for name, field in type(spec.method).model_fields.items()}
        settings.append(("Method", method_title(spec.method)))
        settings += [(titles[name], value_text(value)) for name, value in spec.method if name != "kind"]
    hidden = _hidden(spec)
    for name, value in spec:
        if name not in hidden:
            title = TITLES.get(name, name.replace("_", " ").capitalize())
            settings.append((title, "all" if value is None else text_of(value)))
    return settings


def _note(spec: RunSpec) -> str:
    """Return source, licence and precision of an embedded model's weights, empty where they are those of its source.

    Of labels from outside, their source and licence.
    """
    if card := outside.card_of(spec.model):
        return f"{card.source}, {card.licence}."
    entry = catalog.MODELS.get(spec.model)
    return f"{entry.source}, {entry.licence}. {entry.note}" if entry and entry.note else ""


def _kind(spec: RunSpec) -> str | None:
    """Return the kind of the run's model where it is known without reading it."""
    entry = catalog.known_model(spec.model)
    return entry.kind if entry else None


def hashes_of(spec: RunSpec) -> list[tuple[str, str]]:
    return [("Data fingerprint", spec.fingerprint), ("Model digest", spec.digest or _no_digest(spec))]


def _no_digest(spec: RunSpec) -> str:
    return "none, features of the data set" if array_of(spec.model) is not None else "none, starts from scratch"


def _hidden(spec: RunSpec) -> set[str]:
    """Return the fields that are shown elsewhere, and those that this run does not use."""
    names = {"keep_weights", "dataset", "half", "labels", "model", "method", *HASHES}
    names |= set(RunSpec.unused(spec.adaptation, _kind(spec), writes=spec.writes, samples=spec.answer_samples))
    return names | {name for name in PLANNED if getattr(spec, name) == RunSpec.model_fields[name].default}
