"""README cards of exported models and labels: their provenance, in words and in full."""

from training import catalog
from training.catalog import local
from training.engine.models import backbone
from training.spec import GROUND_TRUTH, RunSpec
from training.storage.artifacts import Store

READ = {
    "mean": "the mean of the last hidden states",
    "cls": "the last hidden state of the first token",
    "last": "the last hidden state of the last token",
    "image": "the features of an image",
}


WORDS = "`head.safetensors` has a bias and weights for each bucket of hashed words (CRC-32 of the lower-cased word)."
PIXELS = "`head.safetensors` has a bias and a weight for each grey value."


def model_card(run: RunSpec, store: Store, names: list[str], pairs: bool) -> str:
    """Return the card of the run's model with classes called ``names``; for ``pairs`` that of a reward model."""
    role = _role(run)
    usage = {
        "full": "`AutoModel.from_pretrained` loads the transformer of this folder, `head.safetensors` holds the head.",
        "lora": "`adapter_model.safetensors` is a PEFT adapter for the base model, `head.safetensors` holds the head.",
        "probe": "`head.safetensors` is a linear head on the frozen model that `base.json` names.",
        "scratch": PIXELS if run.digest else WORDS,
    }[run.adaptation]
    return f"""---
library_name: {"peft" if run.adaptation == "lora" else "transformers"}
tags: [weak-to-strong]
---

# {_model(run)}, {role}

{usage} {PAIRS if pairs else _head(names)} {_reading(run)}{TOKENIZER if run.tunes_backbone else ""}

{_provenance(run, store)}"""


def writer_card(run: RunSpec, store: Store) -> str:
    """Return the card of the model of a run that writes answers."""
    return f"""---
library_name: transformers
tags: [weak-to-strong]
---

# {_model(run)}, {_role(run)}

`AutoModelForCausalLM` loads this model, in which additions of LoRA are merged. It writes the answer to a prompt of at most
{run.max_tokens} tokens, in at most {run.answer_tokens} tokens, and then the end token. A prompt that does not end in a space is
followed by one. `PreTrainedTokenizerFast` loads its tokenizer.

{_provenance(run, store)}"""


def answers_card(run: RunSpec, store: Store) -> str:
    """Return the card of what the run wrote as a data set."""
    return f"""---
tags: [weak-to-strong]
configs:
- config_name: default
  data_files: labels.parquet
---

# Weak answers of {_model(run)}

What a model wrote to prompts of {run.dataset}: `written` is its text, `answer` the normalised answer found in it, empty where
there is none, `log_probability` that of the text with its end in nats, and `reference` the first accepted answer.
`split` is "transfer" for rows that students learn from (or validate on) and "test" for the test set.

{_provenance(run, store)}"""


def _role(run: RunSpec) -> str:
    return "weak supervisor" if run.half == "A" else "strong ceiling" if run.labels == GROUND_TRUTH else "student"


def labels_card(run: RunSpec, store: Store, names: list[str]) -> str:
    """Return the card of the run's predictions as a data set."""
    return f"""---
tags: [weak-to-strong]
configs:
- config_name: default
  data_files: labels.parquet
---

# Weak labels of {_model(run)}

What a model says of {run.dataset}: {_soft(names)}
`split` is "transfer" for rows that students learn from (or validate on) and "test" for the test set. The supervisor has seen
neither{"" if run.half == "A" else ", but this run was trained on rows of the transfer part"}.

{_provenance(run, store)}"""


TOKENIZER = " `PreTrainedTokenizerFast` loads its tokenizer as it was used; AutoTokenizer changes that of some architectures."
PAIRS = "The head gives the score of a text; the first of two is preferred with log-odds of its score less that of the second."


def _head(names: list[str]) -> str:
    if len(names) == 2:
        return f"The head gives the log-odds of class 1 ({names[1]}) over class 0 ({names[0]})."
    return f"The head gives a logit for each class: {_listed(names)}."


def _soft(names: list[str]) -> str:
    if len(names) == 2:
        return f"`soft_label` is its probability of class 1 ({names[1]}), `hard_label` is 1 where that is above one half."
    return f"`soft_label` has its probability of each class ({_listed(names)}), `hard_label` is the most probable of them."


def _listed(names: list[str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names))


def _reading(run: RunSpec) -> str:
    if (entry := catalog.known_model(run.model)) and entry.kind == "vision":
        return f"It reads images: {entry.source}."
    if run.adaptation == "scratch":
        return f"It reads the first {run.max_tokens} words."
    return f"It reads {READ[backbone.shape(run).reading]} among the first {run.max_tokens} tokens."


def _provenance(run: RunSpec, store: Store) -> str:
    test, trajectory = store.read_outputs(run.key()).part("test"), store.read_course(run.key())
    labels = "ground truth" if run.labels == GROUND_TRUTH else f"weak labels of run `{run.labels}`"
    if run.members:
        combined = "majority" if run.writes else "mean"
        labels = f"nothing is trained: the {combined} of what the runs {', '.join(f'`{key}`' for key in run.members)} say"
    elif run.prompts:
        labels = "nothing is trained: the model was prompted"
    elif run.derives:
        labels = f"nothing is trained: the truth, with as many errors as run `{run.labels}` makes, placed by “{run.errors}”"
    return f"""## Where this comes from

| | |
|---|---|
| run | `{run.key()}` |
| data set | {run.dataset}, SHA-256 `{run.fingerprint}` |
| labels | {labels} |
| trained on | half {run.half}, seed {run.seed} |
| accuracy | {test.right.mean():.4f} on {len(test.id):,} test examples |
| step | {trajectory.selected:,} of {trajectory.last:,} (stop rule: {run.stop}) |
| base model | {_model(run)} {f"`{run.digest}`" if run.digest else "(from scratch)"}{_note(run)} |

```json
{run.model_copy(update={"model": _model(run)}).model_dump_json(indent=2)}
```
"""


def _note(run: RunSpec) -> str:
    entry = catalog.MODELS.get(run.model)
    if entry is None or not entry.note:
        return ""
    place = f"The base is in `models/` of the laboratory’s DATA_DIR, of which this run uses the first {entry.layers} layers."
    return f": {entry.source}, {entry.licence}. {entry.note} {place}"


def _model(run: RunSpec) -> str:
    return local.public_name(run.model, run.digest)
