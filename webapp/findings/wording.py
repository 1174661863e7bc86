"""The wording of pages: models, methods, durations and results as words."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache

from training import ExperimentSpec, catalog
from training.catalog import local, outside
from training.catalog.bundles import array_of
from training.metrics.intervals import Estimate
from training.spec.methods import EVERY_METHOD, Learning, Method, Submitted


def short_model(name: str) -> str:
    """Bag of words, MiniLM L4, Chess small; the last part of a Hub id; tiny@0123456 for a local model or labels."""
    if title := local.title_of(name) or outside.title_of(name) or array_of(name):
        return title
    entry = catalog.MODELS.get(name)
    if entry is None:
        return catalog.LADDERS[name].title if name in catalog.LADDERS else name.rstrip("/").rpartition("/")[2] or name
    name_of_ladder, _, step = entry.title.partition(", ")
    return f"{name_of_ladder} L{entry.layers}" if step.endswith(("layer", "layers")) else entry.title.replace(", ", " ")


def model_title(name: str) -> str:
    """Return the model's title on a run's page: MiniLM, 4 layers; pythia-70m (EleutherAI/pythia-70m); hub:ORG/NAME."""
    if title := local.title_of(name):
        return f"{title} (local folder)"
    if title := outside.title_of(name):
        return f"{title} (labels from outside)"
    if array := array_of(name):
        return f"Features {array}"
    if name in catalog.MODELS:
        return catalog.MODELS[name].title
    return f"{short_model(name)} ({catalog.LADDERS[name].source})" if name in catalog.LADDERS else name


def dataset_title(name: str) -> str:
    entry = catalog.known_dataset(name)
    return entry.title if entry else name


def method_title(method: Learning) -> str:
    """Naive, Confidence loss: the title that the spec gives to the kind; tfidf@0123456, submitted from outside."""
    if isinstance(method, Submitted):
        return f"{short_model(method.model)}, submitted from outside"
    return type(method).model_fields["kind"].title or method.kind


ORDINARY = re.compile(r"[^\W\d_](?:[’'-]?[^\W\d_])*")
"""A word of prose: letters, with apostrophes and hyphens between them."""


def lower(title: str) -> str:
    """Return a title as part of a sentence: only the first letter of an ordinary first word is lowered, so that CACE, AdaptConf,
    KL, L2 and K-means keep their capitals.
    """
    first = title.partition(" ")[0].rstrip(",.:;")
    ordinary = ORDINARY.fullmatch(first) and first[1:].islower() and first[1:2] not in ("-", "’", "'")
    return title[:1].lower() + title[1:] if ordinary or first == "A" else title


def value_text(value: object) -> str:
    """A setting: 0.25, hard"""
    return f"{value:g}" if isinstance(value, float) else str(value)


def method_titles(spec: ExperimentSpec) -> list[str]:
    return titles_of(spec.methods)


def titles_of(methods: Sequence[Method]) -> list[str]:
    """Return one title per method, with the settings that differ if a kind occurs more than once."""
    kinds = [method.kind for method in methods]
    titles = []
    for method in methods:
        title = method_title(method)
        alike = [other for other in methods if other.kind == method.kind]
        if kinds.count(method.kind) > 1 and not isinstance(method, Submitted):
            settings = [
                f"{lower((info.title or name).removeprefix('Confidence '))} {value_text(getattr(method, name))}"
                for name, info in type(method).model_fields.items()
                if len({getattr(other, name) for other in alike}) > 1
            ]
            title = f"{title}, {', '.join(settings)}"
        titles.append(title)
    return titles


def short_methods(spec: ExperimentSpec) -> list[str]:
    """Return titles for charts: Naive, Confidence, Reverse CE, or Confidence 0.25 if a kind occurs with several settings."""
    titles = []
    for method in spec.methods:
        if isinstance(method, Submitted):
            titles.append(short_model(method.model))
            continue
        alike = [other for other in spec.methods if other.kind == method.kind]
        values = [
            value_text(getattr(method, name))
            for name in type(method).model_fields
            if len({getattr(other, name) for other in alike}) > 1
        ]
        titles.append(" ".join([method.short or method_title(method), *values]))
    return titles


@cache
def kind_title(kind: str) -> str:
    """Return ``method_title`` of a method of the kind; the kind itself if no method has it."""
    titles = {variant.model_fields["kind"].default: variant.model_fields["kind"].title for variant in EVERY_METHOD}
    return titles.get(kind) or kind


def kinds_text(kinds: Iterable[str]) -> str:
    """naive, confidence loss × 2"""
    titles = [lower(kind_title(kind)) for kind in kinds]
    return ", ".join(f"{title} ×\u00a0{n}" if (n := titles.count(title)) > 1 else title for title in dict.fromkeys(titles))


def count(number: int, noun: str) -> str:
    """1 run, 1,200 runs"""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sources(seeds: Iterable[int]) -> str:
    """Return the sources of variation that intervals cover, given the seeds of each result: one seed does not cover seeds."""
    several = {number > 1 for number in seeds}
    if several == {True}:
        return "test examples and seeds"
    return "test examples alone, of one seed" if several == {False} else "test examples and, where there are several, seeds"


def joined(parts: list[str]) -> str:
    """a, b and c"""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def duration(seconds: float | timedelta) -> str:
    """8 s, 3 min, 2.5 h, 4 days"""
    s = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    if s < 59.5:
        return f"{max(1, math.ceil(s))} s"
    if s < 3570:
        return f"{round(s / 60)} min"
    if s < 86_400 * 1.5:
        return f"{s / 3600:.1f}".removesuffix(".0") + " h"
    return f"{round(s / 86_400)} days"


def time_left(seconds: float | None, *, estimating: bool) -> str:
    """about 3 min left; estimating the time left; empty if nothing is running."""
    if estimating:
        return "estimating the time left"
    return f"about {duration(seconds)} left" if seconds else ""


def percent(value: float) -> str:
    """46, −3: a share in per cent, without the percent sign."""
    return f"{100 * value:.0f}".replace("-0", "0").replace("-", "−")


def percent_interval(estimate: Estimate) -> str:
    low = "−∞" if estimate.low is None else percent(estimate.low)
    return f"[{low}, {'∞' if estimate.high is None else percent(estimate.high)}]"
