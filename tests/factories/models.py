"""Tiny transformers, made on the fly and saved as on the Hub: real code and tokenizers, random weights."""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from training import catalog


@cache
def words_by_frequency() -> list[str]:
    """The words of the data set "movie-reviews", the most frequent first."""
    from tokenizers import pre_tokenizers

    split = pre_tokenizers.Whitespace()
    texts = pq.read_table(catalog.dataset("movie-reviews").path)["text"].to_pylist()
    counts = Counter(word for text in texts for word, _ in split.pre_tokenize_str(text))
    return sorted(counts, key=lambda word: (-counts[word], word))


def make_model(folder: Path, architecture: str) -> Path:
    """A tiny transformer with random weights and its tokenizer, laid out as on the Hub: "llama", "gpt2" or "bert".

    The decoders' tokenizers have no token for padding; id 0 is an ordinary token, the exclamation mark.
    """
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
    from transformers import PreTrainedTokenizerFast as Fast

    torch.manual_seed(0)
    first = ["!", "[UNK]", "0", "1"] if architecture != "bert" else ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    known = {word: number for number, word in enumerate(list(dict.fromkeys([*first, *words_by_frequency()]))[:600])}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    words = {"unk_token": "[UNK]"}
    if architecture == "bert":
        tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
        words |= {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes: dict[str, Any] = {"vocab_size": len(known), **shape}
    model: Any
    if architecture == "llama":
        model = LlamaForCausalLM(LlamaConfig(**sizes, intermediate_size=64, max_position_embeddings=128))
    elif architecture == "gpt2":
        model = GPT2LMHeadModel(GPT2Config(vocab_size=sizes["vocab_size"], n_embd=32, n_layer=2, n_head=2, n_positions=128))
    else:
        model = BertForMaskedLM(BertConfig(**sizes, intermediate_size=64, max_position_embeddings=128))
    model.save_pretrained(folder)
    Fast(tokenizer_object=tokenizer, **words).save_pretrained(folder)
    return folder
