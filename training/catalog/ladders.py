"""Families of pretrained models on the Hugging Face Hub, from small to large, with the facts known without a request.

Parameters are those of the published language model, its unembedding counted once where it is tied, and of models of images
without what gives classes. Llama 3.2 is gated: its
licence must be accepted on the Hub, with the account whose token is in HF_TOKEN.
"""

from training.catalog import vision
from training.catalog.models import Adaptation, Kind, ModelEntry


def learning_rates(kind: Kind, parameters: int) -> dict[Adaptation, float]:
    """Return the default learning rates, by published practice.

    probe: Adam at 1e-3 (Burns et al. 2023, appendix D.2). full: for decoders 5e-5, and 1e-5 from about 0.7 billion parameters
    on (the paper's released code, on GPT-2 and Qwen); for encoders 5e-5, and 3e-5 from 0.3 billion on, inside the ranges that
    BERT and ModernBERT were tuned over. lora: 2e-4 (Hu et al. 2021 on GPT-2; Dettmers et al. 2023).
    """
    large = parameters > (7e8 if kind == "decoder" else 3e8)
    return {"probe": 1e-3, "full": (1e-5 if kind == "decoder" else 3e-5) if large else 5e-5, "lora": 2e-4}


def _ladder(
    family: str,
    hub: str,
    licence: str,
    context: int,
    steps: dict[str, tuple[str, int, int, int]],
    kind: Kind = "decoder",
    gated: bool = False,
) -> list[ModelEntry]:
    """Return the entries of a family. ``steps``: name to (last part of the Hub id, parameters, layers, hidden width)."""
    return [
        ModelEntry(
            name=name,
            title=repository,
            family=family,
            parameters=parameters,
            layers=layers,
            digest="",
            licence=licence,
            source=f"{hub}/{repository}",
            learning_rates=learning_rates(kind, parameters),
            kind=kind,
            width=width,
            context=context,
            gated=gated,
        )
        for name, (repository, parameters, layers, width) in steps.items()
    ]


def _images(family: str, hub: str, architecture: str, steps: dict[str, tuple[str, int, int, int]]) -> list[ModelEntry]:
    """Return the entries of a family of models of images, in the form of ``_ladder``."""
    return [
        ModelEntry(
            name=name,
            title=repository,
            family=family,
            parameters=parameters,
            layers=layers,
            digest="",
            licence="Apache-2.0",
            source=f"{hub}/{repository}",
            learning_rates=vision.PROBE,
            kind="vision",
            width=width,
            architecture=architecture,
            refused=vision.REFUSED,
        )
        for name, (repository, parameters, layers, width) in steps.items()
    ]


LADDERS: dict[str, ModelEntry] = {
    entry.name: entry
    for entry in (
        *_ladder(
            "GPT-2",
            "openai-community",
            "MIT",
            1024,
            {
                "gpt2": ("gpt2", 124_439_808, 12, 768),
                "gpt2-medium": ("gpt2-medium", 354_823_168, 24, 1024),
                "gpt2-large": ("gpt2-large", 774_030_080, 36, 1280),
                "gpt2-xl": ("gpt2-xl", 1_557_611_200, 48, 1600),
            },
        ),
        *_ladder(
            "Pythia",
            "EleutherAI",
            "Apache-2.0",
            2048,
            {
                "pythia-70m": ("pythia-70m", 70_426_624, 6, 512),
                "pythia-160m": ("pythia-160m", 162_322_944, 12, 768),
                "pythia-410m": ("pythia-410m", 405_334_016, 24, 1024),
                "pythia-1b": ("pythia-1b", 1_011_781_632, 16, 2048),
                "pythia-1.4b": ("pythia-1.4b", 1_414_647_808, 24, 2048),
                "pythia-2.8b": ("pythia-2.8b", 2_775_208_960, 32, 2560),
            },
        ),
        *_ladder(
            "SmolLM2",
            "HuggingFaceTB",
            "Apache-2.0",
            8192,
            {
                "smollm2-135m": ("SmolLM2-135M", 134_515_008, 30, 576),
                "smollm2-360m": ("SmolLM2-360M", 361_821_120, 32, 960),
                "smollm2-1.7b": ("SmolLM2-1.7B", 1_711_376_384, 24, 2048),
            },
        ),
        *_ladder(
            "Qwen2.5",
            "Qwen",
            "Apache-2.0",
            32_768,
            {
                "qwen2.5-0.5b": ("Qwen2.5-0.5B", 494_032_768, 24, 896),
                "qwen2.5-1.5b": ("Qwen2.5-1.5B", 1_543_714_304, 28, 1536),
                "qwen2.5-7b": ("Qwen2.5-7B", 7_615_616_512, 28, 3584),
            },
        ),
        *_ladder("Qwen2.5", "Qwen", "Qwen Research License", 32_768, {"qwen2.5-3b": ("Qwen2.5-3B", 3_085_938_688, 36, 2048)}),
        *_ladder(
            "Qwen3",
            "Qwen",
            "Apache-2.0",
            32_768,
            {
                "qwen3-0.6b-base": ("Qwen3-0.6B-Base", 596_049_920, 28, 1024),
                "qwen3-1.7b-base": ("Qwen3-1.7B-Base", 1_720_574_976, 28, 2048),
                "qwen3-4b-base": ("Qwen3-4B-Base", 4_022_468_096, 36, 2560),
                "qwen3-8b-base": ("Qwen3-8B-Base", 8_190_735_360, 36, 4096),
            },
        ),
        *_ladder(
            "OLMo-2",
            "allenai",
            "Apache-2.0",
            4096,
            {
                "olmo-2-1b": ("OLMo-2-0425-1B", 1_484_916_736, 16, 2048),
                "olmo-2-7b": ("OLMo-2-1124-7B", 7_298_617_344, 32, 4096),
            },
        ),
        *_ladder(
            "Llama 3.2",
            "meta-llama",
            "Llama 3.2 Community License",
            131_072,
            {
                "llama-3.2-1b": ("Llama-3.2-1B", 1_235_814_400, 16, 2048),
                "llama-3.2-3b": ("Llama-3.2-3B", 3_212_749_824, 28, 3072),
            },
            gated=True,
        ),
        *_ladder(
            "ModernBERT",
            "answerdotai",
            "Apache-2.0",
            8192,
            {
                "modernbert-base": ("ModernBERT-base", 149_014_272, 22, 768),
                "modernbert-large": ("ModernBERT-large", 394_781_696, 28, 1024),
            },
            kind="encoder",
        ),
        *_images(
            "DINO",
            "facebook",
            "vit",
            {
                "dino-vits16": ("dino-vits16", 21_665_664, 12, 384),
                "dino-vits8": ("dino-vits8", 21_670_272, 12, 384),
                "dino-vitb16": ("dino-vitb16", 85_798_656, 12, 768),
                "dino-vitb8": ("dino-vitb8", 85_807_872, 12, 768),
            },
        ),
        *_images(
            "DINOv2",
            "facebook",
            "dinov2",
            {
                "dinov2-small": ("dinov2-small", 22_056_576, 12, 384),
                "dinov2-base": ("dinov2-base", 86_580_480, 12, 768),
                "dinov2-large": ("dinov2-large", 304_368_640, 24, 1024),
            },
        ),
        *_images(
            "ResNet",
            "microsoft",
            "resnet",
            {"resnet-18": ("resnet-18", 11_176_512, 8, 512), "resnet-50": ("resnet-50", 23_508_032, 16, 2048)},
        ),
        *_images(
            "ConvNeXt",
            "facebook",
            "convnext",
            {
                "convnext-tiny-224": ("convnext-tiny-224", 27_820_128, 18, 768),
                "convnext-base-224": ("convnext-base-224", 87_566_464, 36, 1024),
            },
        ),
    )
}
