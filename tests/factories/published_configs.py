"""The config.json of every model of a ladder, as far as it decides the shape, written down from the models' publications."""

from typing import Any

from training.catalog.ladders import LADDERS

_GPT2 = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257}
_NEOX = {
    "model_type": "gpt_neox",
    "architectures": ["GPTNeoXForCausalLM"],
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
_SMOLLM2 = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "max_position_embeddings": 8192,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
_QWEN25 = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "max_position_embeddings": 32768, "vocab_size": 151936}
_QWEN3 = {
    "model_type": "qwen3",
    "architectures": ["Qwen3ForCausalLM"],
    "max_position_embeddings": 32768,
    "vocab_size": 151936,
    "head_dim": 128,
    "num_key_value_heads": 8,
    "attention_bias": False,
}
_OLMO2 = {
    "model_type": "olmo2",
    "architectures": ["Olmo2ForCausalLM"],
    "max_position_embeddings": 4096,
    "vocab_size": 100352,
    "tie_word_embeddings": False,
}
_LLAMA32 = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "max_position_embeddings": 131072,
    "vocab_size": 128256,
    "num_key_value_heads": 8,
    "tie_word_embeddings": True,
}
_MODERNBERT = {
    "model_type": "modernbert",
    "architectures": ["ModernBertForMaskedLM"],
    "max_position_embeddings": 8192,
    "vocab_size": 50368,
    "tie_word_embeddings": True,
}


def _gpt2(layers: int, width: int, heads: int) -> dict[str, Any]:
    return _GPT2 | {"n_layer": layers, "n_embd": width, "n_head": heads}


def _neox(layers: int, width: int, heads: int, vocabulary: int) -> dict[str, Any]:
    return _NEOX | _sizes(layers, width, heads, 4 * width) | {"vocab_size": vocabulary}


def _sizes(layers: int, width: int, heads: int, inner: int, **others: Any) -> dict[str, Any]:
    sizes = {"num_hidden_layers": layers, "hidden_size": width, "num_attention_heads": heads, "intermediate_size": inner}
    return sizes | others


def _vit(width: int, heads: int, patch: int) -> dict[str, Any]:
    return {"model_type": "vit", "architectures": ["ViTModel"], "image_size": 224, "patch_size": patch} | _sizes(
        12, width, heads, 4 * width
    )


def _dinov2(layers: int, width: int, heads: int) -> dict[str, Any]:
    sizes = {"num_hidden_layers": layers, "hidden_size": width, "num_attention_heads": heads, "mlp_ratio": 4}
    return {"model_type": "dinov2", "architectures": ["Dinov2Model"], "image_size": 518, "patch_size": 14} | sizes


def _resnet(layer: str, depths: list[int], widths: list[int]) -> dict[str, Any]:
    sizes = {"layer_type": layer, "depths": depths, "embedding_size": 64, "hidden_sizes": widths}
    return {"model_type": "resnet", "architectures": ["ResNetForImageClassification"]} | sizes


def _convnext(depths: list[int], widths: list[int]) -> dict[str, Any]:
    architectures = ["ConvNextForImageClassification"]
    return {"model_type": "convnext", "architectures": architectures, "depths": depths, "hidden_sizes": widths}


PUBLISHED: dict[str, dict[str, Any]] = {
    "gpt2": _gpt2(12, 768, 12),
    "gpt2-medium": _gpt2(24, 1024, 16),
    "gpt2-large": _gpt2(36, 1280, 20),
    "gpt2-xl": _gpt2(48, 1600, 25),
    "pythia-70m": _neox(6, 512, 8, 50304),
    "pythia-160m": _neox(12, 768, 12, 50304),
    "pythia-410m": _neox(24, 1024, 16, 50304),
    "pythia-1b": _neox(16, 2048, 8, 50304),
    "pythia-1.4b": _neox(24, 2048, 16, 50304),
    "pythia-2.8b": _neox(32, 2560, 32, 50304),
    "smollm2-135m": _SMOLLM2 | _sizes(30, 576, 9, 1536, num_key_value_heads=3),
    "smollm2-360m": _SMOLLM2 | _sizes(32, 960, 15, 2560, num_key_value_heads=5),
    "smollm2-1.7b": _SMOLLM2 | _sizes(24, 2048, 32, 8192, num_key_value_heads=32),
    "qwen2.5-0.5b": _QWEN25 | _sizes(24, 896, 14, 4864, num_key_value_heads=2, tie_word_embeddings=True),
    "qwen2.5-1.5b": _QWEN25 | _sizes(28, 1536, 12, 8960, num_key_value_heads=2, tie_word_embeddings=True),
    "qwen2.5-3b": _QWEN25 | _sizes(36, 2048, 16, 11008, num_key_value_heads=2, tie_word_embeddings=True),
    "qwen2.5-7b": _QWEN25 | _sizes(28, 3584, 28, 18944, num_key_value_heads=4, tie_word_embeddings=False, vocab_size=152064),
    "qwen3-0.6b-base": _QWEN3 | _sizes(28, 1024, 16, 3072, tie_word_embeddings=True),
    "qwen3-1.7b-base": _QWEN3 | _sizes(28, 2048, 16, 6144, tie_word_embeddings=True),
    "qwen3-4b-base": _QWEN3 | _sizes(36, 2560, 32, 9728, tie_word_embeddings=True),
    "qwen3-8b-base": _QWEN3 | _sizes(36, 4096, 32, 12288, tie_word_embeddings=False),
    "olmo-2-1b": _OLMO2 | _sizes(16, 2048, 16, 8192, num_key_value_heads=16),
    "olmo-2-7b": _OLMO2 | _sizes(32, 4096, 32, 11008, num_key_value_heads=32),
    "llama-3.2-1b": _LLAMA32 | _sizes(16, 2048, 32, 8192, head_dim=64),
    "llama-3.2-3b": _LLAMA32 | _sizes(28, 3072, 24, 8192, head_dim=128),
    "modernbert-base": _MODERNBERT | _sizes(22, 768, 12, 1152),
    "modernbert-large": _MODERNBERT | _sizes(28, 1024, 16, 2624),
    "dino-vits16": _vit(384, 6, 16),
    "dino-vits8": _vit(384, 6, 8),
    "dino-vitb16": _vit(768, 12, 16),
    "dino-vitb8": _vit(768, 12, 8),
    "dinov2-small": _dinov2(12, 384, 6),
    "dinov2-base": _dinov2(12, 768, 12),
    "dinov2-large": _dinov2(24, 1024, 16),
    "resnet-18": _resnet("basic", [2, 2, 2, 2], [64, 128, 256, 512]),
    "resnet-50": _resnet("bottleneck", [3, 4, 6, 3], [256, 512, 1024, 2048]),
    "convnext-tiny-224": _convnext([3, 3, 9, 3], [96, 192, 384, 768]),
    "convnext-base-224": _convnext([3, 3, 27, 3], [128, 256, 512, 1024]),
}
assert set(PUBLISHED) == set(LADDERS)
