"""The method of an experiment in plain words, generated from its spec and from the settings of its runs."""

import inspect
from collections.abc import Sequence

from training import ExperimentSpec, RunSpec, catalog
from training.catalog import DatasetEntry, outside
from training.catalog.outside import OutsideCard
from training.planning.estimates import rows_of
from training.spec import DataSpec, Method, TrainingSpec
from training.spec.given_supervisors import supervisors_of
from training.spec.methods import Submitted
from webapp.experiments import queries
from webapp.experiments.models import Experiment, Role
from webapp.findings.findings import Findings
from webapp.findings.imported_notes import notes as trained_elsewhere
from webapp.findings.wording import count, dataset_title, joined, lower, method_titles, short_model
from webapp.reports.report import Paragraph

TUNINGS = {
    "probe": "a linear head on frozen features",
    "full": "tuned in full",
    "lora": "tuned by LoRA (Hu et al. 2022), low-rank additions to every linear layer,",
    "scratch": "a linear model on hashed words, trained from scratch",
    "given": "labels from outside",
    "pixels": "a linear model on grey values, trained from scratch",
}
SCHEDULES = {"constant": "constant", "linear": "falling linearly to zero", "cosine": "falling to zero along a cosine"}
STOPS = {
    "validation": "the step with the best accuracy on validation rows, against the labels that the run itself learns from (the "
    "earliest if several are equal)",
    "last": "the last step",
}
LEAST_LOSS = (
    "the step with the least loss on validation rows, against the answers that the run itself learns (the earliest if several "
    "are equal)"
)
"""The same rule for written answers, which are not decoded at each evaluation of validation rows."""


def method(experiment: Experiment, all_findings: Sequence[Findings]) -> tuple[Paragraph, ...]:
    spec = experiment.experiment_spec
    roles: dict[str, list[RunSpec]] = {}
    for part in queries.parts(experiment):
        roles.setdefault(part.role, []).append(part.run.run_spec)
    elsewhere = trained_elsewhere(experiment)
    writes = _writes(roles)
    return (
        Paragraph(title="Data", text=_data(spec, all_findings)),
        Paragraph(title="Models", text=_models(spec, roles)),
        *(
            Paragraph(title=title, text=words(each, writes))
            for title, each in zip(method_titles(spec), spec.methods, strict=True)
        ),
        Paragraph(title="Training", text=_training(spec, roles)),
        *(Paragraph(title=note.title, text=note.text) for note in elsewhere),
        Paragraph(title="Statistics", text=_statistics(spec, all_findings)),
    )


def _data(spec: ExperimentSpec, all_findings: Sequence[Findings]) -> str:
    entry, data = catalog.known_dataset(spec.data.name), spec.data
    size = f", {entry.rows:,} {_noun(entry)}" if entry else ""
    labels = _targets(entry) if entry else ""
    group = f", by which rows of one group ({entry.group}) stay together," if entry and entry.group else ""
    sentences = [
        f"The data set is {dataset_title(data.name)}{size}{labels}{f' ({entry.citation})' if entry else ''}.",
        f"{_division(entry, data, group)}: {all_findings[0].result.test_rows:,} test examples, the same for every seed; "
        f"{_locked(entry, data)} in a locked test set; {_halves(data)}.",
    ]
    if data.validation_fraction:
        where = "each half" if data.half_a_fraction else "half B"
        sentences.append(f"{_percent(data.validation_fraction)} of {where} are validation rows, from which no run learns.")
    return " ".join(sentences)


def _division(entry: DatasetEntry | None, data: DataSpec, group: str) -> str:
    if not (entry and entry.parts):
        return f"A hash{group} splits it"
    return f"Its test set is its own, and a hash{group} draws the halves" if data.half_a_fraction else "Its test set is its own"


def _halves(data: DataSpec) -> str:
    """Return the sizes of the halves in words."""
    a, b = (f"{rows.train + rows.validation:,} rows" for rows in (rows_of(data.name, data, "A"), rows_of(data.name, data, "B")))
    limit = " at most" if data.limit is not None else ""
    if not data.half_a_fraction:
        return f"the rest,{limit} about {b}, is half B, since no supervisor is trained"
    if a == b:
        return f"the rest in two halves, A and B, of{limit} about {a} each, drawn again for every seed"
    return f"the rest in half A, of{limit} about {a}, and half B, of{limit} about {b}, drawn again for every seed"


def _locked(entry: DatasetEntry | None, data: DataSpec) -> str:
    return f"{entry.parts.get('locked', 0):,}" if entry and entry.parts else _percent(data.locked_fraction)


MOST_NAMED = 10
"""Number of classes up to which a text names them."""


def _targets(entry: DatasetEntry) -> str:
    if entry.answers:
        rule = lower(entry.answers.title)
        return f" with written answers, which are right if the answer found in them ({rule}) equals that of an accepted one"
    if len(entry.classes) > MOST_NAMED:
        return f" with {len(entry.classes):,} labels, from “{entry.classes[0]}” to “{entry.classes[-1]}”"
    return f" with the labels {joined([f'“{name}”' for name in entry.classes])}"


def _models(spec: ExperimentSpec, roles: dict[str, list[RunSpec]]) -> str:
    weak, strong = _named(roles.get(Role.WEAK, [])), _named(roles.get(Role.STUDENT, []))
    if _writes(roles):
        return (
            f"The weak supervisor is {weak}. It learns the true answers of half A and then writes an answer to each prompt "
            f"of half B, {_decoding(spec.weak)}: the weak labels, of which the log-probability is kept. The student is "
            f"{strong}. It learns what the supervisor wrote, token by token, by its method. The strong ceiling is the same "
            "model, trained in the same way on the same prompts of half B, with their true answers."
        )
    learns = "It learns from the ground truth of half A and then gives each example of half B a probability: the weak labels."
    if cards := supervisors_of(spec):
        trained = len(cards) < len(spec.weak.models)
        learns = f"{learns.replace('It', 'A trained one', 1)} " if trained else ""
        learns += " ".join(map(_given, cards))
    return (
        f"The weak supervisor is {weak}. {learns} The student is {strong}. It learns from the weak labels of half B by its "
        "method. The strong ceiling is the same model, trained in the same way on the same rows of half B, with their ground "
        "truth. In formulas, w is the weak label of an example and f the student’s output, both probabilities."
    )


def _given(card: OutsideCard) -> str:
    """Return sentences on a supervisor whose labels come from outside."""
    kind = "hard labels" if card.hard else "probabilities"
    files = "one file for all seeds" if card.files == 1 else "a file for each seed"
    made = f" {card.text}" if card.text else ""
    return (
        f"{short_model(card.model)} is given: nothing is trained, and its {kind} of half B and the test set come from outside "
        f"({files}; source: {card.source}; licence: {card.licence}; SHA-256 {card.digest[:12]}).{made}"
    )


def _submitted(method: Submitted) -> str:
    """Return the words of its author about a student that was trained elsewhere."""
    about = " ".join((inspect.getdoc(Submitted) or "").split())
    card = outside.card_of(method.model)
    if card is None:
        return about
    by = f" by {card.author}" if card.author else ""
    return f"{about} Described{by}: “{card.text or 'no description'}” SHA-256 of the predictions: {card.digest[:12]}."


def _named(runs: Sequence[RunSpec]) -> str:
    """MiniLM L4, a linear head on frozen features"""
    models = dict.fromkeys((run.model, _tuning(run)) for run in runs)
    return " or ".join(f"{short_model(name)}, {TUNINGS[tuning]}" for name, tuning in models)


def _tuning(run: RunSpec) -> str:
    entry = catalog.known_model(run.model)
    return "pixels" if run.adaptation == "scratch" and entry and entry.kind == "vision" else run.adaptation


def words(method: Method, writes: bool = False) -> str:
    """Return the description of the method in training/, with its source, and the description of each of its settings.

    Soft and hard, and random rows, are kinds of labels that written answers do not have.
    """
    if isinstance(method, Submitted):
        return _submitted(method)
    sentences = [" ".join((inspect.getdoc(type(method)) or "").split())]
    for name, field in type(method).model_fields.items():
        if name != "kind" and not (writes and name in ("labels", "rest")):
            setting = f"{field.title or name} {_value(getattr(method, name))}"
            about = f" ({lower(field.description).rstrip('.')})" if field.description else ""
            sentences.append(f"{setting}{about}.")
    return " ".join(sentences)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _training(spec: ExperimentSpec, roles: dict[str, list[RunSpec]]) -> str:
    sentences = ["All models are trained by AdamW (Loshchilov & Hutter 2019)."]
    for who, training, role in (("Supervisors", spec.weak, Role.WEAK), ("Students and ceilings", spec.strong, Role.STUDENT)):
        if trained := [run for run in roles.get(role, []) if run.adaptation != "given"]:
            sentences.append(f"{who}: {_optimiser(training, trained, _writes(roles), _read(spec))}.")
    stops = STOPS | ({"validation": LEAST_LOSS} if _writes(roles) else {})
    if spec.weak.stop == spec.strong.stop:
        sentences.append(f"A run’s predictions are those of {stops[spec.weak.stop]}.")
    else:
        sentences.append(
            f"A supervisor’s predictions are those of {stops[spec.weak.stop]}; all others are those of {stops[spec.strong.stop]}."
        )
    if passes := spec.strong.text_epochs:
        sentences.append(
            f"Before it learns from labels, each strong model learns the texts of half B by language modelling for "
            f"{count(passes, 'epoch')} with the same optimiser; all students and ceilings start from there (generative "
            "finetuning, Burns et al. 2023, section 5.2.2)."
        )
    sentences.append("No choice uses a test label.")
    return " ".join(sentences)


def _writes(roles: dict[str, list[RunSpec]]) -> bool:
    return any(run.writes for runs in roles.values() for run in runs)


def _decoding(training: TrainingSpec) -> str:
    if training.answer_samples == 1:
        return "each token the most probable one"
    return f"the one that most of {training.answer_samples} samples give at temperature {training.answer_temperature:g}"


def _noun(entry: DatasetEntry) -> str:
    """Return the word for the examples."""
    if entry.answers:
        return "prompts"
    if entry.arrays:
        return "rows of features"
    return "images" if entry.images else "pairs of texts" if entry.texts == 2 else "texts"


def _read(spec: ExperimentSpec) -> bool:
    """Return whether the examples are texts."""
    entry = catalog.known_dataset(spec.data.name)
    return not (entry and (entry.images or entry.arrays))


def _optimiser(training: TrainingSpec, runs: Sequence[RunSpec], writes: bool, texts: bool) -> str:
    rates = joined([f"{rate_:g}" for rate_ in dict.fromkeys(run.lr for run in runs)])
    parts = [count(training.epochs, "epoch"), f"batches of {training.batch_size}", f"learning rate {rates}"]
    parts[-1] += f" {SCHEDULES[training.schedule]}"
    if training.weight_decay:
        parts.append(f"weight decay {training.weight_decay:g}")
    if writes:
        parts.append(f"prompts of at most {training.max_tokens:,} tokens and answers of at most {training.answer_tokens:,}")
        if training.answer_samples > 1:
            parts.append(f"answers by the majority of {training.answer_samples} samples")
    elif {run.adaptation for run in runs} != {"scratch"} and texts:
        parts.append(f"texts cut after {training.max_tokens:,} tokens")
    return ", ".join(parts)


def _statistics(spec: ExperimentSpec, all_findings: Sequence[Findings]) -> str:
    several = any(len(group.seeds) > 1 for findings in all_findings for group in findings.complete)
    adjusted = ", their p values adjusted for all comparisons of a pair (Holm 1979)." if len(spec.methods) > 2 else "."
    return (
        "PGR, the performance gap recovered, is (student − supervisor) / (ceiling − supervisor) in test accuracy (Burns et "
        f"al. 2023). {_seeds(all_findings)} A seed determines the halves and the order of the data. "
        f"{OVER_SEEDS if several else OVER_EXAMPLES} PGR is given only if the interval of the gap lies above zero and its own "
        "ends are finite. A share of the test examples that is decided by fewer than ten of them has Wilson’s interval (1927). "
        "Methods "
        f"are compared by paired differences{adjusted}"
    )


def _seeds(all_findings: Sequence[Findings]) -> str:
    """Return a sentence on the number of seeds whose three runs are in the result."""
    numbers = sorted({len(group.seeds) for findings in all_findings for group in findings.complete})
    if numbers == [1]:
        return "Accuracies are of one seed."
    return f"Accuracies are means over {f'{numbers[0]} to ' if len(numbers) > 1 else ''}{count(numbers[-1], 'seed')}."


OVER_SEEDS = (
    "Intervals are 95% intervals. They cover the variation over seeds, where there are several, and the choice of test examples, "
    "with examples of one group counted together and all models compared on the same examples. Seeds count with the variance "
    "that they add to that of examples, and the t quantiles of both are weighted by their variances (Cochran 1964). The interval "
    "of PGR is Fieller’s (1954) with these quantiles, a combination that is the laboratory’s own."
)
OVER_EXAMPLES = (
    "Intervals are 95% intervals. They cover the choice of test examples, with examples of one group counted together and all "
    "models compared on the same examples. They do not cover the variation over seeds, since there is one seed. The interval of "
    "PGR is Fieller’s (1954)."
)


def _percent(share: float) -> str:
    return f"{100 * share:g}%"
