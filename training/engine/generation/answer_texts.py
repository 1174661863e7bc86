"""Prompts and answers as tokens, and tokens as text, by the tokenizer of a run's model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, from_numpy

from training.base_models import cleaned
from training.engine.data.split import Rows
from training.engine.data.tokens import ragged
from training.engine.errors import CorruptModel, EngineError
from training.engine.generation.answer_sets import Answer
from training.engine.models import backbone
from training.engine.models.end_tokens import end_tokens
from training.engine.models.inputs import Inputs, Ragged
from training.spec import RunSpec

Tokens = list[int]


class AnswerTokenizer:
    """The tokens of prompts and answers. Raises CorruptModel where the model has no end token.

    A prompt and its answer are separate texts to the tokenizer, so that the prompt has the same tokens with every answer, and
    alone. Where the prompt does not end in a space, the answer begins with one.
    """

    def __init__(self, run: RunSpec) -> None:
        self.run = run
        self.tokenizer: Any = backbone.tokenizer(run)
        self.tokenizer.no_truncation()
        self.ends = end_tokens(run, self.tokenizer.get_vocab_size())

    def prompts(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of prompts, with the token of a beginning where the tokenizer has one. Raises EngineError."""
        tokens = [_without_end(encoding.ids, self.ends) or [0] for encoding in self._encoded(texts, special=True)]
        longest, most = max(map(len, tokens), default=0), self.run.max_tokens
        if longest > most:
            too_long = sum(len(prompt) > most for prompt in tokens)
            raise EngineError(
                f"{too_long:,} of {len(tokens):,} prompts have more than {most} tokens, the longest has {longest}, and a prompt "
                f"is never truncated: raise the longest text to {longest}, or take shorter prompts."
            )
        return tokens

    def answers(self, prompts: Sequence[str], answers: Sequence[Answer]) -> list[Tokens]:
        """Return the tokens of the answers to these prompts, each with the end token if it ended."""
        texts = [
            answer.text if not answer.text or prompt[-1:].isspace() else f" {answer.text}"
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        encoded = self._encoded(texts, special=False)
        return [
            [*encoding.ids, self.ends[0]] if answer.ended else encoding.ids
            for encoding, answer in zip(encoded, answers, strict=True)
        ]

    def text(self, tokens: npt.NDArray[np.int32]) -> Answer:
        """Return what was written as ``tokens`` (most,), those after the end negative."""
        written = tokens[tokens >= 0].tolist()
        text: str = self.tokenizer.decode([token for token in written if token not in self.ends], skip_special_tokens=True)
        return Answer(cleaned(text.strip()), bool(written) and written[-1] in self.ends)

    def _encoded(self, texts: Sequence[str], *, special: bool) -> list[Any]:
        try:
            encoded: list[Any] = self.tokenizer.encode_batch(list(texts), add_special_tokens=special)
        except Exception as error:  # tokenizers has no class of its own for its errors
            raise CorruptModel(f"The model's tokenizer cannot read these texts: {error}") from error
        return encoded


def _without_end(tokens: Tokens, ends: tuple[int, ...]) -> Tokens:
    """Return the tokens without an end token after them, which some tokenizers put there."""
    return tokens[:-1] if len(tokens) > 1 and tokens[-1] in ends else tokens


def ragged_of(texts: Iterable[Tokens], run: RunSpec) -> Ragged:
    listed = list(texts)
    lengths = np.fromiter(map(len, listed), np.int64, len(listed))
    return ragged(np.fromiter(chain.from_iterable(listed), np.int64), lengths, run)


@dataclass(frozen=True)
class Continuations:
    """Prompts with their answers, as inputs: of ``texts``, the tokens from ``starts`` (rows,) on are the answer's."""

    texts: Ragged
    starts: Rows

    def batch(self, rows: Rows) -> tuple[Tensor, ...]:
        """Return ids (n, longest) int64, mask and ``learned`` (n, longest) float32, 1 at the tokens of answers."""
        ids, mask = self.texts.batch(rows)
        after = np.arange(ids.shape[1]) >= self.starts[rows][:, None]
        return ids, mask, mask * from_numpy(after.astype(np.float32))

    def used(self, rows: Rows) -> Tensor | None:
        return self.texts.used(rows)

    def tokens(self, rows: Rows) -> int | None:
        return self.texts.tokens(rows)

    def parts(self, rows: Rows) -> list[Rows]:
        return self.texts.parts(rows)

    def together(self, rows: Rows) -> bool:
        return self.texts.together(rows)

    def halved(self) -> Inputs | None:
        smaller = self.texts.halved()
        return None if smaller is None else Continuations(smaller, self.starts)  # type: ignore[arg-type]
