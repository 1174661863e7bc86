"""Chat templates: a question as the message of a user, in the words that an instruction-tuned model was trained on."""

from collections.abc import Sequence
from typing import Any

from training.catalog import folders
from training.catalog.models import NO_CHAT_TEMPLATE
from training.engine.errors import CorruptModel
from training.engine.models import backbone, model_files
from training.spec import RunSpec


class ChatTemplate:
    """The chat template of the tokenizer of a run's model, rendered by transformers in Jinja's sandbox.

    Raises CorruptModel where the tokenizer has none.
    """

    def __init__(self, run: RunSpec) -> None:
        from transformers import AutoTokenizer

        self.name, folder = model_files.public_name(run), model_files.folder_of(run)
        if not folders.has_chat_template(folder):
            raise CorruptModel(f"{self.name}: {NO_CHAT_TEMPLATE}")
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)  # nosec B615
        except (OSError, ValueError, KeyError, AttributeError, ImportError) as error:
            raise CorruptModel(f"The tokenizer of {self.name} cannot be loaded: {error}") from error
        self.added = self._added_beginning(backbone.tokenizer(run))

    def prompt(self, shown: Sequence[tuple[str, str]], question: str) -> str:
        """Return ``question`` as a user's message after the ``shown`` questions and answers, up to where the model answers.

        A beginning that the tokenizer adds by itself is left out. Raises CorruptModel where the template cannot be rendered.
        """
        from jinja2 import TemplateError

        messages = [{"role": "user", "content": question}]
        for earlier, answer in reversed(shown):
            messages = [{"role": "user", "content": earlier}, {"role": "assistant", "content": answer}, *messages]
        try:
            text: str = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except (TemplateError, LookupError, TypeError, ValueError) as error:
            raise CorruptModel(f"The chat template of {self.name} cannot be rendered: {error}") from error
        return text.removeprefix(self.added)

    def _added_beginning(self, tokenizer: Any) -> str:
        """Return the token of a beginning as text where ``tokenizer`` puts it before every text, otherwise nothing."""
        beginning: str = self.tokenizer.bos_token or ""
        return beginning if beginning and tokenizer.encode("").ids[:1] == [tokenizer.token_to_id(beginning)] else ""
