"""What an experiment may be made of, through the JSON door: the models known by name, and the recipes to start from."""

from django.http import HttpRequest
from ninja import Router, Schema

from training import ExperimentSpec, catalog
from training.catalog import Adaptation, Kind, ModelEntry
from training.recipes import recipes as shipped_recipes

router = Router()


class ModelOut(Schema):
    """``shipped`` models need no download; the others come from the Hub, where ``gated`` ones want their licence accepted.

    ``layers`` and ``context`` are None without a backbone; ``learning_rates`` has the default of each way of adapting it.
    """

    name: str
    title: str
    family: str
    kind: Kind
    shipped: bool
    gated: bool
    parameters: int
    layers: int | None
    width: int
    context: int | None
    licence: str
    source: str
    learning_rates: dict[Adaptation, float]


class RecipeOut(Schema):
    name: str
    spec: ExperimentSpec


def model_out(entry: ModelEntry) -> ModelOut:
    return ModelOut(
        name=entry.name,
        title=entry.title,
        family=entry.family,
        kind=entry.kind,
        shipped=entry.name in catalog.MODELS,
        gated=entry.gated,
        parameters=entry.parameters,
        layers=entry.layers,
        width=entry.width,
        context=entry.context,
        licence=entry.licence,
        source=entry.source,
        learning_rates=entry.learning_rates,
    )


@router.get("/models", response=list[ModelOut])
def models(request: HttpRequest) -> list[ModelOut]:
    """The models that have a name here: those that are shipped, and the ladders of the Hub. Others are hub:ORG/NAME."""
    return [model_out(entry) for entry in (*catalog.MODELS.values(), *catalog.LADDERS.values())]


@router.get("/recipes", response=list[RecipeOut])
def recipes(request: HttpRequest) -> list[RecipeOut]:
    """The experiments that are shipped, the one to begin with first; a spec can be posted as it is."""
    return [RecipeOut(name=name, spec=spec) for name, spec in shipped_recipes().items()]
