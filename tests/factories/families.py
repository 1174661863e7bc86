"""Families of architectures as tiny models: the config of each, and its folder in the layout of the Hub with random weights."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORDS = 96
"""Tokens of the vocabulary: four special ones, the words 0 to 9, and the most frequent ones of the texts."""


@dataclass(frozen=True)
class Family:
    """A family: its ``config`` as in config.json, and the class of transformers with its weights, AutoModel + ``task``.

    ``shards`` is the size of its files of weights, in bytes.
    """

    name: str
    config: dict[str, Any]
    task: str = ""
    shards: int = 2**30


BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
SHAPE = {**BERT, "max_position_embeddings": 64, "vocab_size": WORDS}
GROUPED = {**SHAPE, "num_key_value_heads": 2, "head_dim": 8, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "vocab_size": WORDS, "bos_token_id": 2, "eos_token_id": 3}
EXPERTS = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
LATENT = {
    "num_key_value_heads": 4,
    "head_dim": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 4,
    "v_head_dim": 8,
}


def encoder(architecture: str, **config: Any) -> Family:
    return Family(architecture, {"model_type": architecture, **SHAPE, "pad_token_id": 0, **config}, "ForMaskedLM")


def offset(architecture: str, **config: Any) -> Family:
    """An encoder whose positions begin after the id of its padding."""
    return encoder(architecture, max_position_embeddings=66, pad_token_id=1, **config)


def decoder(architecture: str, **config: Any) -> Family:
    return Family(architecture, {"model_type": architecture, **GROUPED, **config}, "ForCausalLM")


def gpt(architecture: str, **config: Any) -> Family:
    return Family(architecture, {"model_type": architecture, **GPT, **config}, "ForCausalLM")


def other(architecture: str, **config: Any) -> Family:
    """A decoder whose config has fields of its own."""
    return Family(architecture, {"model_type": architecture, "vocab_size": WORDS, **config}, "ForCausalLM")


ENCODERS = [
    encoder("albert", embedding_size=16),
    encoder("bert"),
    Family("bert-generation", {"model_type": "bert-generation", **SHAPE, "pad_token_id": 0}, "ForCausalLM"),
    offset("camembert"),
    offset("data2vec-text"),
    encoder("deberta", pos_att_type=["c2p", "p2c"], relative_attention=True),
    encoder("deberta-v2", pos_att_type=["c2p", "p2c"], relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm"),
    encoder("distilbert", dim=32, n_layers=2, n_heads=4, hidden_dim=48),
    encoder("electra", embedding_size=16),
    encoder("ernie"),
    offset("esm", mask_token_id=1, position_embedding_type="absolute"),
    encoder("eurobert", num_key_value_heads=2),
    encoder("flaubert", emb_dim=32, n_layers=2, n_heads=4),
    offset("ibert"),
    offset("longformer", attention_window=8),
    encoder("megatron-bert"),
    encoder("modernbert", local_attention=8, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3),
    offset("mpnet"),
    encoder("nomic_bert"),
    encoder("rembert", input_embedding_size=16, output_embedding_size=24),
    offset("roberta"),
    encoder("roformer"),
    encoder("xlm", emb_dim=32, n_layers=2, n_heads=4, pad_index=0),
    offset("xlm-roberta"),
    offset("xmod", languages=["en_XX"], default_language="en_XX", adapter_reduction_factor=2),
    other("xlnet", d_model=32, n_layer=2, n_head=4, d_inner=48),
]
DECODERS = [
    other("bloom", hidden_size=32, n_layer=2, n_head=4),
    decoder("cohere", logit_scale=0.25),
    decoder("cohere2", sliding_window=8, logit_scale=0.25),
    gpt("ctrl", dff=48),
    decoder("deepseek_v3", **EXPERTS, **LATENT, n_routed_experts=4, n_group=1, topk_group=1, first_k_dense_replace=1),
    decoder("exaone4", sliding_window=8, sliding_window_pattern=2),
    other("falcon", hidden_size=32, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64),
    decoder("gemma"),
    decoder("gemma2", sliding_window=8, query_pre_attn_scalar=8, final_logit_softcapping=30.0, attn_logit_softcapping=50.0),
    decoder("gemma3_text", sliding_window=8, query_pre_attn_scalar=8),
    decoder("glm4", partial_rotary_factor=0.5),
    gpt("gpt2"),
    gpt("gpt_bigcode"),
    other(
        "gpt_neo",
        **{"hidden_size": 32, "num_layers": 2, "num_heads": 4, "intermediate_size": 48, "window_size": 8},
        **{"attention_types": [[["global", "local"], 1]], "max_position_embeddings": 64},
    ),
    other("gpt_neox", **SHAPE, rotary_pct=0.25),
    decoder("gpt_neox_japanese", intermediate_multiple_size=2),
    decoder("gpt_oss", **EXPERTS, sliding_window=8),
    gpt("gptj", rotary_dim=4),
    decoder("granite", logits_scaling=8.0, embedding_multiplier=12.0),
    decoder("jetmoe", **EXPERTS, kv_channels=8),
    LLAMA := decoder("llama", tie_word_embeddings=False),
    decoder("llama4_text", **EXPERTS, intermediate_size_mlp=48),
    decoder("mistral", sliding_window=8),
    decoder("mixtral", **EXPERTS),
    decoder("modernbert-decoder", local_attention=8),
    other("mpt", d_model=32, n_layers=2, n_heads=4, max_seq_len=64),
    decoder("olmo"),
    decoder("olmo2"),
    decoder("olmo3", sliding_window=8),
    decoder("olmoe", **EXPERTS),
    gpt("openai-gpt"),
    other("opt", **SHAPE, ffn_dim=48, word_embed_proj_dim=16, do_layer_norm_before=False),
    decoder("phi"),
    decoder("phi3", sliding_window=8),
    QWEN := decoder("qwen2", tie_word_embeddings=True),
    decoder("qwen2_moe", **EXPERTS, shared_expert_intermediate_size=16),
    decoder("qwen3"),
    decoder("qwen3_moe", **EXPERTS),
    decoder("smollm3", no_rope_layer_interval=2),
    decoder("stablelm"),
    decoder("starcoder2", sliding_window=8),
]
RECURRENT = [
    decoder("falcon_h1", mamba_d_state=4, mamba_d_ssm=32, mamba_n_heads=4, mamba_d_head=8, mamba_chunk_size=8),
    other("falcon_mamba", hidden_size=32, num_hidden_layers=2, state_size=4),
    decoder("jamba", **EXPERTS, mamba_d_state=4, mamba_expand=1, attn_layer_period=2, attn_layer_offset=1),
    decoder("lfm2", layer_types=["conv", "full_attention"], block_multiple_of=8),
    other("mamba", hidden_size=32, num_hidden_layers=2, state_size=4),
    other("mamba2", hidden_size=32, num_hidden_layers=2, state_size=4, num_heads=4, head_dim=16, n_groups=1, chunk_size=8),
    other(
        "nemotron_h",
        **{"hidden_size": 32, "layers_block_type": ["mamba", "attention"], "num_attention_heads": 4, "num_key_value_heads": 2},
        **{"head_dim": 8, "mamba_num_heads": 4, "mamba_head_dim": 16, "ssm_state_size": 4, "n_groups": 1, "chunk_size": 8},
        **{"max_position_embeddings": 64, "intermediate_size": 48, "n_routed_experts": 4, "moe_intermediate_size": 16},
    ),
    decoder(
        "recurrent_gemma", lru_width=32, attention_window_size=8, logits_soft_cap=30.0, block_types=["recurrent", "attention"]
    ),
    other("rwkv", hidden_size=32, num_hidden_layers=2, context_length=64),
]


def variant(name: str, base: Family, task: str | None = None, shards: int = 2**30, **config: Any) -> Family:
    return Family(name, {**base.config, **config}, base.task if task is None else task, shards)


VARIANTS = [
    variant("bert as a decoder", encoder("bert"), "ForCausalLM", is_decoder=True),
    variant("llama in several files", LLAMA, shards=2**14),
    variant("llama without an unembedding", LLAMA, "", architectures=["LlamaModel"]),
    variant("llama with tied embeddings", LLAMA, tie_word_embeddings=True),
    variant("qwen2 without tied embeddings", QWEN, tie_word_embeddings=False),
]
USABLE = [*ENCODERS, *DECODERS, *RECURRENT, *VARIANTS]

T5 = {"d_model": 32, "num_layers": 2, "vocab_size": WORDS, "is_encoder_decoder": True}
REFUSED = [
    *(
        encoder(name)
        for name in ("big_bird", "convbert", "fnet", "funnel", "layoutlm", "mobilebert", "mra", "nystromformer", "perceiver")
    ),
    *(encoder(name) for name in ("reformer", "squeezebert", "yoso")),
    *(decoder(name) for name in ("cpmant", "deepseek_v4", "phimoe")),
    Family("bart", {"model_type": "bart", "d_model": 32, "num_hidden_layers": 2, "is_encoder_decoder": True}),
    Family("bart, only its decoder", {"model_type": "bart", "d_model": 32, "num_hidden_layers": 2, "is_encoder_decoder": False}),
    Family("t5", {"model_type": "t5", **T5}),
    Family("t5, only its encoder", {"model_type": "t5", **T5, "is_encoder_decoder": False, "architectures": ["T5EncoderModel"]}),
    Family("gemma3 (text and images)", {"model_type": "gemma3", "text_config": GROUPED, "vision_config": BERT}),
    Family("llava", {"model_type": "llava", "text_config": GROUPED, "vision_config": BERT}),
    Family("swin", {"model_type": "swin", **BERT, "architectures": ["SwinModel"]}),
    Family("wav2vec2", {"model_type": "wav2vec2", **BERT, "architectures": ["Wav2Vec2ForCTC"]}),
    Family("xmod without a language", {"model_type": "xmod", **SHAPE}),
    Family("whisper", {"model_type": "whisper", "d_model": 32, "is_encoder_decoder": True}),
    variant("llama quantised by bitsandbytes", LLAMA, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}),
    variant("llama quantised by GPTQ", LLAMA, quantization_config={"quant_method": "gptq", "bits": 4}),
    variant("llama in FP8", LLAMA, quantization_config={"quant_method": "fp8"}),
    variant("llama quantised by compressed-tensors", LLAMA, compression_config={"format": "pack-quantized"}),
    variant("one with code of its own", LLAMA, model_type="its_own", auto_map={"AutoModel": "modeling.Model"}),
    variant("one that transformers does not know", LLAMA, model_type="unknown", architectures=["UnknownForCausalLM"]),
]


def make_family(folder: Path, family: Family, texts: list[str]) -> Path:
    """A tiny model of ``family`` with random weights and a tokenizer of the words in ``texts``, laid out as on the Hub."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    config = transformers.AutoConfig.for_model(**family.config)
    torch.manual_seed(0)
    model = getattr(transformers, f"AutoModel{family.task}").from_config(config)
    model.save_pretrained(folder, max_shard_size=family.shards)
    tokenizer(texts).save_pretrained(folder)
    return folder


def tokenizer(texts: list[str]) -> Any:
    """Words and signs, the most frequent ones of ``texts``; id 0 is a word."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Whitespace()
    counts = Counter(word for text in texts for word, _ in split.pre_tokenize_str(text))
    common = sorted(counts, key=lambda word: (-counts[word], word))
    words = list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(str, range(10)), *common]))[:WORDS]
    known = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    known.pre_tokenizer = split
    fast: Any = PreTrainedTokenizerFast
    return fast(tokenizer_object=known, unk_token="[UNK]", pad_token="[PAD]")
