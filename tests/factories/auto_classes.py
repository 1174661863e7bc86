"""The architectures of the installed transformers by kind. ``python -m tests.factories.auto_classes`` writes their table."""

import json
from typing import Any

from training.catalog.architectures import TABLE

BEYOND_TEXT = ("IMAGE_TEXT_TO_TEXT", "MULTIMODAL_LM", "SPEECH_SEQ_2_SEQ", "TEXT_TO_WAVEFORM")


def table() -> dict[str, Any]:
    """The version of transformers, and its architectures by the kind that its auto classes give them."""
    import transformers
    from transformers.models.auto import modeling_auto

    auto: Any = modeling_auto

    def loaded_by(*names: str) -> set[str]:
        return {architecture for name in names for architecture in getattr(auto, f"MODEL_{name}MAPPING_NAMES")}

    beyond = loaded_by(*(f"FOR_{name}_" for name in BEYOND_TEXT))
    both = loaded_by("FOR_SEQ_TO_SEQ_CAUSAL_LM_") - beyond
    encoders = (loaded_by("FOR_MASKED_LM_") & loaded_by("")) - beyond - both
    decoders = (loaded_by("FOR_CAUSAL_LM_") & loaded_by("")) - beyond - both - encoders
    kinds = {"encoder": encoders, "decoder": decoders, "encoder-decoder": both, "beyond text": beyond}
    other = set(auto.CONFIG_MAPPING_NAMES).difference(*kinds.values())
    return {
        "transformers": transformers.__version__,
        "kinds": {kind: sorted(kinds[kind]) for kind in kinds} | {"other": sorted(other)},
    }


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1) + "\n", encoding="utf-8")
