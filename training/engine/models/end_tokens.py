"""The tokens that end a text, by the config.json of a model."""

from training.catalog import folders
from training.engine.errors import CorruptModel
from training.engine.models import model_files
from training.spec import RunSpec


def end_tokens(run: RunSpec, vocabulary: int) -> tuple[int, ...]:
    """Return the tokens that end a text by the model's config.json, the one that is learned first. Raises CorruptModel."""
    named = folders.read_config(model_files.folder_of(run) / folders.CONFIG).get("eos_token_id")
    listed = named if isinstance(named, list) else [named]
    ends = tuple(token for token in listed if type(token) is int and 0 <= token < vocabulary)
    if not ends:
        raise CorruptModel(
            f"{model_files.public_name(run)} cannot write answers: its config.json names no token that ends a text, "
            "as eos_token_id."
        )
    return ends
