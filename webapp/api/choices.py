"""Models and recipes in the API."""

from django.http import HttpRequest
from ninja import Router, Schema

from training import ExperimentSpec, catalog
from training.catalog import Adaptation, Kind, ModelEntry, packages
from training.recipes import needs
from training.recipes import recipes as shipped_recipes

router = Router()


class ModelOut(Schema):
    """A model that can be chosen by name.

    Models that are ``shipped`` need no download. One that is ``unavailable`` lacks a package: the sentence says what installs it,
    and is empty for the others. Further models come from the Hub, where the licence of ``gated`` ones must be accepted first.
    ``note`` says what the weights are where they are not those of ``source``. ``layers`` and ``context`` are null for a model
    without a transformer. ``learning_rates`` has the default rate for each adaptation of the model.
    """

    name: str
    title: str
    family: str
    kind: Kind
    shipped: bool
    unavailable: str
    gated: bool
    parameters: int
    layers: int | None
    width: int
    context: int | None
    licence: str
    source: str
    note: str
    learning_rates: dict[Adaptation, float]


class RecipeOut(Schema):
    name: str
    spec: ExperimentSpec
    needs: list[str]
    """Sentences on the data, labels and models that it needs and that are not here."""


def model_out(entry: ModelEntry) -> ModelOut:
    return ModelOut(
        name=entry.name,
        title=entry.title,
        family=entry.family,
        kind=entry.kind,
        shipped=entry.name in catalog.MODELS and not entry.installed_by,
        unavailable=packages.missing(entry),
        gated=entry.gated,
        parameters=entry.parameters,
        layers=entry.layers,
        width=entry.width,
        context=entry.context,
        licence=entry.licence,
        source=entry.source,
        note=entry.note,
        learning_rates=entry.learning_rates,
    )


@router.get("/models", response=list[ModelOut])
def models(request: HttpRequest) -> list[ModelOut]:
    """List the models with a name: the shipped ones and the ladders of the Hub.

    Other models of the Hub are named hub:ORG/NAME.
    """
    return [model_out(entry) for entry in (*catalog.MODELS.values(), *catalog.LADDERS.values())]


@router.get("/recipes", response=list[RecipeOut])
def recipes(request: HttpRequest) -> list[RecipeOut]:
    """List the shipped experiments, the introductory one first.

    Each spec can be posted without changes, once what it needs is here.
    """
    return [RecipeOut(name=name, spec=spec, needs=list(needs(spec))) for name, spec in shipped_recipes().items()]
