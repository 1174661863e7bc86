"""Conversions of a source's rows, in its own columns, to examples. One file for each family of sources."""

from collections.abc import Callable, Iterator

from training.engine.data.families import arithmetic, choice, ethics, judged, preferences, relations, sentences, written
from training.engine.data.families.example import Convert, Prompt, Row

CONVERSIONS: dict[str, Convert] = {
    "anli-r2": relations.anli,
    "boolq": relations.boolq,
    "cola": sentences.cola,
    "cosmos_qa": choice.cosmos_qa,
    "dream": choice.dream,
    "ethics-deontology": ethics.deontology,
    "ethics-justice": ethics.justice,
    "ethics-utilitarianism": ethics.utilitarianism,
    "ethics-virtue": ethics.virtue,
    "hellaswag": choice.hellaswag,
    "mc_taco": judged.mc_taco,
    "multirc": judged.multirc,
    "openbookqa": choice.openbookqa,
    "paws": relations.paws,
    "piqa": choice.piqa,
    "quail": choice.quail,
    "quartz": choice.quartz,
    "sciq": choice.sciq,
    "sciq_with_support": choice.sciq_with_support,
    "social_i_qa": choice.social_i_qa,
    "sst2": sentences.sst2,
    "twitter-sentiment": sentences.twitter_sentiment,
    "wic": relations.wic,
    "amazon_polarity": sentences.amazon_polarity,
    "anthropic_hh": preferences.anthropic_hh,
    "shp": preferences.shp,
}
"""Conversions by the name of the data set in the catalog."""

PROMPTS: dict[str, Callable[[Row], Iterator[Prompt]]] = {"gsm8k": written.gsm8k, "lichess-puzzles": written.lichess}
"""Conversions to prompts with answers."""

MADE: dict[str, Callable[[int], Iterator[Prompt]]] = {
    "arithmetic-addition": arithmetic.addition,
    "arithmetic-steps": arithmetic.steps,
}
"""Data sets that are made from a seed."""

PHRASES = {"sst2"}
"""Sources whose rows are parts of one another: rows that share a sequence of words form one group."""
