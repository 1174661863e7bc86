"""Prompts in the chat template of a model's tokenizer: the words of transformers, or a refusal."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.factories.prompts import finish_all, plan_of, prompts_of, student_of
from tests.factories.runs import finish
from tests.factories.written import writing_plan
from training import Store, catalog
from training.engine.data.examples import load_examples
from training.engine.data.split import split_for
from training.engine.errors import CorruptModel
from training.engine.generation.prompts import prompts_of as written_prompts_of
from training.engine.models.chat_template import ChatTemplate

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<{{ message['role'] }}> {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>\n{% endif %}"
)
CHAT = {"kind": "zero-shot", "format": "chat"}


def chatting(folder: Path, template: str = TEMPLATE, *, begins: bool = False, apart: bool = False) -> Path:
    """Give the tokenizer in ``folder`` a chat template, ``apart`` in a file. One that ``begins`` puts a token before texts."""
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text()) | {"bos_token": "!"}
    if apart:
        (folder / "chat_template.jinja").write_text(template)
    else:
        config["chat_template"] = template
    path.write_text(json.dumps(config))
    if begins:
        tokenizer = json.loads((folder / "tokenizer.json").read_text())
        pieces = [{"SpecialToken": {"id": "!", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
        tokens = {"!": {"id": "!", "ids": [0], "tokens": ["!"]}}
        post = {"type": "TemplateProcessing", "single": pieces, "pair": pieces, "special_tokens": tokens}
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"post_processor": post}))
    return folder


@pytest.fixture
def copy(models: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(models["llama"], tmp_path / "chatty"))


def messages_of(prompt: str) -> list[tuple[str, str]]:
    parts = [part.partition("> ") for part in prompt.removeprefix("!").removesuffix("<assistant>\n").split("<")[1:]]
    return [(role, content.rstrip()) for role, _, content in parts]


@pytest.mark.parametrize("apart", [False, True])
def test_a_prompt_in_a_chat_is_what_transformers_makes_of_the_plain_one_as_a_message(
    copy: Path, store: Store, apart: bool
) -> None:
    from transformers import AutoTokenizer

    plan = plan_of(str(chatting(copy, apart=apart)), {"kind": "zero-shot"}, CHAT)
    plain, chat = (prompts_of(student_of(plan, number), store) for number in (0, 1))
    reader: Any = AutoTokenizer.from_pretrained(copy)
    message = [{"role": "user", "content": plain[3].strip()}]
    assert chat[3] == reader.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    assert chat[3].startswith("!<user> Text: ")


def test_examples_of_a_chat_are_earlier_messages_with_their_answers(copy: Path, store: Store) -> None:
    methods = [{"kind": "few-shot", "shots": 2, "labels": "truth", "format": form} for form in ("plain", "chat")]
    plan = plan_of(str(chatting(copy)), *methods, tokens=128)
    plain, chat = (prompts_of(student_of(plan, number), store)[0] for number in (0, 1))
    messages = messages_of(chat)
    assert [role for role, _ in messages] == ["user", "assistant", "user", "assistant", "user"]
    shown = [f"{question}\n{answer}" for (_, question), (_, answer) in zip(messages[::2], messages[1::2], strict=False)]
    for in_chat, in_text in zip([*shown, messages[-1][1]], plain.strip().split("\n\n"), strict=True):
        text, of_text = in_chat.partition("\nLabel"), in_text.partition("\nLabel")
        assert text[2] == of_text[2]
        assert of_text[0].startswith(text[0]), "texts are cut more, where the messages take more tokens"


def test_a_beginning_that_the_tokenizer_adds_is_not_there_twice(copy: Path, store: Store) -> None:
    run = student_of(plan_of(str(chatting(copy, begins=True)), CHAT))
    assert prompts_of(run, store)[0].startswith("<user> Text: ")


def test_formats_are_runs_of_their_own_and_plain_ones_keep_their_keys(copy: Path, store: Store) -> None:
    plan = plan_of(str(chatting(copy)), {"kind": "zero-shot"}, CHAT)
    plain, chat = student_of(plan, 0), student_of(plan, 1)
    assert "format" not in plain.content()["method"], "keys that are older than the format hold"
    assert plain.key() != chat.key()
    assert plain.texts != chat.texts, "features of one are not read as those of the other"
    finish_all(plan, store)
    first, second = (store.read_predictions(run.key()).prob for run in (plain, chat))
    assert not np.allclose(first, second, atol=1e-4)


def test_a_tokenizer_without_a_chat_template_is_refused_when_it_is_known_and_when_a_run_starts(
    models: dict[str, Path], copy: Path
) -> None:
    sentence = "Its tokenizer has no chat template: choose the plain format of prompts."
    with pytest.raises(ValidationError, match=sentence):
        plan_of(str(models["llama"]), CHAT)
    with pytest.raises(ValidationError, match=sentence):
        writing_plan(Path("chess-small"), Path("chess-small"), name="chess-puzzles", methods=(CHAT,), max_tokens=200)
    run = student_of(plan_of(str(models["llama"]), {"kind": "zero-shot"}))
    with pytest.raises(CorruptModel, match=sentence):
        ChatTemplate(run)


def test_a_template_that_fails_is_an_error_with_a_sentence(copy: Path, store: Store) -> None:
    run = student_of(plan_of(str(chatting(copy, "{{ raise_exception('No users here') }}")), CHAT))
    with pytest.raises(CorruptModel, match=r"The chat template of local:chatty@\w+ cannot be rendered: No users here"):
        prompts_of(run, store)


def test_answers_are_written_to_messages_too(writers: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(writers["strong"], tmp_path / "chatty"))
    path = folder / "tokenizer_config.json"
    template = "{% for message in messages %}{{ message['role'][0] }} {{ message['content'] }}\n{% endfor %}"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": template}))
    methods: tuple[dict[str, Any], ...] = ({"kind": "few-shot", "shots": 1, "labels": "truth", "format": "chat"},)
    plan = writing_plan(writers["weak"], folder, epochs=1, methods=methods, max_tokens=32)
    run = student_of(plan)
    examples = load_examples("made-sums", catalog.DATASETS["made-sums"].digest)
    prompts = written_prompts_of(run, examples, split_for(run, examples.group), None)
    shown, answer, question, after = prompts[5].split("\n")
    assert (shown[:2], answer[:2], question, after) == ("u ", "a ", f"u {examples.text[5].as_py()}", "")
    assert sum(map(int, shown[2:-1].split("+"))) == int(answer[2:])
    store = Store(tmp_path / "store")
    for each in plan.runs.values():
        finish(each, store)
    assert len(store.read_answers(run.key()).id)
