"""The size of a run's transformer, from its config.json, or of another model with features."""

from dataclasses import dataclass

from training import catalog
from training.catalog.bundles import array_of
from training.catalog.models import Kind
from training.engine.data.bundle_file import BundleFile
from training.engine.models import model_files
from training.spec import RunSpec


@dataclass(frozen=True)
class Size:
    """Architecture, kind, layers and width of the hidden states or features, in floats."""

    architecture: str
    kind: Kind
    layers: int
    width: int


def size_of(run: RunSpec) -> Size:
    """Return the size of the run's model. Raises CorruptModel where the model's config.json is not available."""
    if (array := array_of(run.model)) is not None:
        with BundleFile(catalog.examples_of(run.dataset, run.fingerprint)) as bundle:
            return Size("features", "features", 0, bundle.array(array).width)
    if entry := catalog.MODELS.get(run.model):
        assert entry.width, f"{entry.name} has no features"
        return Size(entry.architecture, entry.kind, entry.layers or 0, entry.width)
    facts = model_files.facts(run)
    return Size(facts.architecture, facts.kind, facts.layers, facts.width)
