"""Models on the Hugging Face Hub: resolving an id and a revision to a commit and the facts of its config.json.

The token comes from HF_TOKEN alone. The local cache is used where HF_HUB_OFFLINE is set or the Hub does not respond. Responses
are cached for some minutes, so that a form that is validated at every change does not send a request each time.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.catalog import folders, vision
from training.catalog.folders import Facts
from training.catalog.hub_client import TIMEOUT_SECONDS, Busy, connect, deadline, refusal, token
from training.storage.atomic import atomic

ANSWER_SECONDS, REFUSAL_SECONDS = 600.0, 20.0


@dataclass(frozen=True)
class Commit:
    """A model at one commit; ``parameters`` is None where neither Hub nor files state it."""

    sha: str
    facts: Facts
    parameters: int | None
    licence: str
    gated: bool


_answers: dict[tuple[str, str], tuple[float, Commit | ValueError]] = {}


def resolve(repository: str, revision: str) -> Commit:
    """Return the commit of ``revision`` (a branch, tag or commit; empty for the newest). Raises ValueError with one sentence."""
    request = (repository, revision)
    expires, answer = _answers.get(request, (0.0, None))
    if answer is None or time.monotonic() > expires:
        try:
            answer = _resolve(repository, revision or "main")
        except ValueError as error:
            answer = error
        seconds = ANSWER_SECONDS if isinstance(answer, Commit) else REFUSAL_SECONDS
        _answers[request] = (time.monotonic() + seconds, answer)
    if isinstance(answer, ValueError):
        raise ValueError(*answer.args)
    return answer


def _resolve(repository: str, revision: str) -> Commit:
    hub = connect()
    from httpx2 import HTTPError
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError

    if constants.HF_HUB_OFFLINE:
        return _cached(repository, revision, "HF_HUB_OFFLINE is set and")
    where = f"“{repository}”" + (f" at “{revision}”" if revision != "main" else "")
    try:
        # A form waits for this, so that the client must not repeat requests for minutes.
        with deadline(TIMEOUT_SECONDS):
            info = hub.HfApi(token=token()).model_info(repository, revision=revision, timeout=TIMEOUT_SECONDS)
            _check_names(where, {file.rfilename for file in info.siblings or ()})
            config = hub.hf_hub_download(
                repository, folders.CONFIG, revision=info.sha, token=token(), etag_timeout=TIMEOUT_SECONDS
            )
            _remember(Path(config), revision)
    except Busy as busy:
        return _cached(repository, revision, str(busy))
    except (HTTPError, OSError, HFValidationError) as error:
        if sentence := refusal(error, "model", repository, revision if revision != "main" else ""):
            raise ValueError(sentence) from None
        if isinstance(error, OSError) and error.errno is not None:
            raise ValueError(f"The cache for files of the Hub cannot be written: {error.strerror}.") from None
        return _cached(repository, revision, "The Hub cannot be reached, and")
    facts = _usable(where, lambda: folders.facts(folders.read_config(Path(config))))
    card = getattr(info, "card_data", None)
    licence = getattr(card, "license", None) if card else None
    total = getattr(info.safetensors, "total", None) if getattr(info, "safetensors", None) else None
    return Commit(str(info.sha), facts, total, str(licence or "see its page on the Hub"), bool(info.gated))


def _remember(config: Path, revision: str) -> None:
    """Record the commit of ``revision`` in the cache, as the Hub's client does, so that it is known without the Hub.

    A snapshot's folder is named by its commit.
    """
    if revision != config.parent.name:
        with contextlib.suppress(OSError), atomic(config.parents[2] / "refs" / revision) as path:  # it may be read-only
            path.write_text(config.parent.name)


def _check_names(where: str, names: set[str]) -> None:
    """Raise ValueError where a file that every usable model has is not among the ``names``."""
    missing = ""
    if folders.CONFIG not in names:
        missing = "it has no config.json."
    elif not names & {folders.WEIGHTS, folders.INDEX}:
        missing = "it has no model.safetensors, and weights in other formats are never read."
    elif not names & (folders.VOCABULARIES | {vision.PREPROCESSOR}):
        missing = "it has no tokenizer."
    if missing:
        raise ValueError(f"{where} on the Hub cannot be used: {missing}")


def _cached(repository: str, revision: str, why: str) -> Commit:
    """Return the commit in the local cache. Raises ValueError where it is not there."""
    config = connect().try_to_load_from_cache(repository, folders.CONFIG, revision=revision)
    if not isinstance(config, str):
        raise ValueError(f"{why} “{repository}” is not on this machine.")
    folder = Path(config).parent
    where = f"“{repository}”"
    facts = _usable(where, lambda: folders.facts(folders.read_config(Path(config))))
    try:
        folders.weight_files(folder)
    except ValueError:
        raise ValueError(f"{why} the weights of “{repository}” are not on this machine.") from None
    return Commit(folder.name, facts, folders.parameters(folder), "see its page on the Hub", False)


def _usable(where: str, read: Callable[[], Facts]) -> Facts:
    try:
        return read()
    except ValueError as error:
        raise ValueError(f"{where} cannot be used: {error}") from None
