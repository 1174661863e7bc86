"""Methods and supervisors with further runs beside supervisor, student and ceiling, and these runs."""

from collections.abc import Callable, Mapping, Sequence

from training import catalog
from training.spec import GROUND_TRUTH, Errors, RunSpec
from training.spec.methods import (
    AdaBoost,
    Bagging,
    Bootstrapping,
    EnsembleMean,
    FewShot,
    LanguageModelling,
    Method,
    Naive,
    Relabelling,
    Sequential,
    Submitted,
    ZeroShot,
)

Add = Callable[[RunSpec], str]
"""Adds a run to the plan, after the runs that it needs, and returns its key."""

INDIRECT_METHODS = (EnsembleMean, Bagging, AdaBoost, Bootstrapping, Relabelling, Sequential)
"""Methods whose student does not learn, or not only, from the labels of its triplet's supervisor."""

PROBE_EPOCHS = 8
"""Epochs of a linear probe on half B, the usual default."""


def learns_from_supervisor(method: Method) -> bool:
    """Return whether the student learns directly from the labels of its triplet's supervisor."""
    return not isinstance(method, INDIRECT_METHODS)


def trained_as(method: Method) -> Method:
    """Return the method of the student's run: naive, where further runs implement the method."""
    return method if learns_from_supervisor(method) or isinstance(method, Sequential) else Naive()


def student_of(
    method: Method, naive: RunSpec, weak: RunSpec, weaks: Sequence[str], smaller: Sequence[RunSpec], add: Add
) -> RunSpec:
    """Return the student's run by ``method``, after adding the runs that it needs to the plan.

    ``naive`` is the naive student of the supervisor ``weak``, whose labels it has; ``weaks`` are the keys of the seed's
    supervisors, and ``smaller`` the naive students of smaller strong models, ascending by size.
    """
    match method:
        case EnsembleMean():
            return naive.model_copy(update={"labels": add(combined(weak, weaks, "mean"))})
        case Bagging():
            members = [add(weak.model_copy(update={"resample": number})) for number in range(method.members)]
            return naive.model_copy(update={"labels": add(combined(weak, members, "mean"))})
        case AdaBoost():
            members = []
            for _ in range(method.members):
                members.append(add(weak.model_copy(update={"boosts": tuple(members)})))
            return naive.model_copy(update={"labels": add(combined(weak, members, "votes"))})
        case Bootstrapping():
            steps = [*smaller, naive]
            if len(steps) == 1:
                return naive
            shares = [run.model_copy(update={"portion": (place, len(steps))}) for place, run in enumerate(steps)]
            labels = naive.labels
            for step in shares[:-1] if method.route == "chain" else ():
                labels = add(step.model_copy(update={"labels": labels}))
            return shares[-1].model_copy(update={"labels": labels})
        case Relabelling():
            labels = add(naive)
            for _ in range(method.rounds - 1):
                labels = add(naive.model_copy(update={"labels": labels}))
            return naive.model_copy(update={"labels": labels})
        case ZeroShot() | FewShot():
            return prompted(naive, method)
        case Submitted():
            return submitted(naive, method)
        case Sequential():
            return naive.model_copy(update={"labels": GROUND_TRUTH, "method": method, "start": add(naive)})
    return naive.model_copy(update={"method": method})


def prompted(naive: RunSpec, method: Method) -> RunSpec:
    """Return a run that trains nothing: the frozen model is prompted, and its own unembedding gives the answer."""
    frozen = {"adaptation": "probe", **RunSpec.unused("probe", writes=naive.writes, samples=naive.answer_samples), "stop": "last"}
    frozen |= {} if naive.writes else {"head_start": "unembedding"}
    return naive.model_copy(update={"method": method, **frozen, "keep_weights": False, "start": None})


def submitted(naive: RunSpec, method: Submitted) -> RunSpec:
    """Return a run that trains nothing: its predictions were made elsewhere from the labels of ``naive``."""
    entry = catalog.model(method.model)
    settings = {"adaptation": "given", **RunSpec.unused("given"), "keep_weights": False, "start": None}
    return naive.model_copy(update={**settings, "model": entry.name, "digest": entry.digest, "method": method})


def on_texts(ceiling: RunSpec, epochs: int) -> RunSpec:
    """Return the run that learns the half's texts by language modelling; students and ceilings of its model start from it."""
    learning = {"method": LanguageModelling(), "epochs": epochs, "stop": "last", "head_start": "zero", "keep_weights": True}
    return ceiling.model_copy(update=learning)


def probed(student: RunSpec, lr: float, features_of: str | None) -> RunSpec:
    """Return a linear probe on the truth of half B: of the published model, or of the one that ``features_of`` tuned."""
    frozen = {"adaptation": "probe", **RunSpec.unused("probe"), "head_start": "zero", "start": None}
    probe = {"labels": GROUND_TRUTH, "method": Naive(), "epochs": PROBE_EPOCHS, "lr": lr, "features_of": features_of}
    return student.model_copy(update={**frozen, **probe, "portion": None, "keep_weights": False})


def combined(weak: RunSpec, members: Sequence[str], combine: str) -> RunSpec:
    """Return a run that trains nothing and predicts the mean of ``members``, or their weighted vote. Otherwise like ``weak``."""
    return weak.model_copy(update={"members": tuple(members), "combine": combine, "stop": "last"})


def simulated(weak: RunSpec, key: str, ceiling: str, errors: Errors) -> RunSpec:
    """Return a run that trains nothing and predicts the truth with as many errors as ``weak`` (key ``key``), by ``errors``."""
    judge = ceiling if errors in ("unsure", "sure") else None
    return weak.model_copy(update={"labels": key, "errors": errors, "judge": judge, "stop": "last"})


def origins(run: RunSpec, runs: Mapping[str, RunSpec]) -> set[str]:
    """Return the keys of all runs among ``runs`` that ``run`` depends on."""
    reached: set[str] = set()
    left = [*run.needs]
    while left:
        key = left.pop()
        if key not in reached and key in runs:
            reached.add(key)
            left += runs[key].needs
    return reached
