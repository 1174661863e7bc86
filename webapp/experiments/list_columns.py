"""Columns of lists that follow from the specification and the result of an experiment."""

from collections.abc import Mapping
from typing import Any

from training import ExperimentSpec
from training.metrics.results import Result
from webapp.experiments.listing_models import ExperimentFacet, Facet
from webapp.experiments.models import Experiment


def columns_of_spec(spec: ExperimentSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "search_name": spec.name.casefold(),
        "dataset": spec.data.name,
        "weak_model": spec.weak.models[0],
        "strong_model": spec.strong.models[0],
        "pairs": len(spec.weak.models) * len(spec.strong.models),
        "seeds": spec.seeds,
        "methods": ",".join(method.kind for method in spec.methods),
    }


def facets_of(spec: ExperimentSpec) -> set[tuple[str, str]]:
    """Return kind and value of each facet."""
    models = {(Facet.Kind.MODEL.value, model) for model in (*spec.weak.models, *spec.strong.models)}
    methods = {(Facet.Kind.METHOD.value, method.kind) for method in spec.methods}
    return {(Facet.Kind.DATASET.value, spec.data.name), *models, *methods}


def give_facets(experiment: Experiment, spec: ExperimentSpec) -> None:
    """Give a new experiment its facets."""
    wanted = facets_of(spec)
    Facet.objects.bulk_create([Facet(kind=kind, value=value) for kind, value in sorted(wanted)], ignore_conflicts=True)
    known = Facet.objects.filter(value__in=[value for _, value in wanted])
    links = [ExperimentFacet(experiment=experiment, facet=facet) for facet in known if (facet.kind, facet.value) in wanted]
    ExperimentFacet.objects.bulk_create(links)


def columns_of_result(result: Mapping[str, Any] | None, weak_model: str, strong_model: str) -> dict[str, Any]:
    """Return the PGR of the first method of the pair that has one, otherwise the state of its first method."""
    columns: dict[str, Any] = {"pgr": None, "pgr_low": None, "pgr_high": None, "pgr_state": ""}
    if result is None:
        return columns
    groups = Result.model_validate(result).groups
    shown = [group for group in groups if (group.weak_model, group.strong_model) == (weak_model, strong_model)]
    if shown:
        columns["pgr_state"] = shown[0].state
    for group in shown:
        if group.pgr is not None:
            return {"pgr": group.pgr.value, "pgr_low": group.pgr.low, "pgr_high": group.pgr.high, "pgr_state": group.state}
    return columns
