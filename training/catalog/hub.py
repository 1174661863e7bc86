"""Models on the Hugging Face Hub: resolving an id and a revision to a commit and the facts of its config.json.

The token comes from HF_TOKEN alone. The local cache is used where HF_HUB_OFFLINE is set or the Hub does not respond. Responses
are cached for some minutes, so that a form that is validated at every change does not send a request each time.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.catalog import folders
from training.catalog.folders import Facts

ANSWER_SECONDS, REFUSAL_SECONDS = 600.0, 20.0
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Commit:
    """A model at one commit; ``parameters`` is None where neither Hub nor files state it."""

    sha: str
    facts: Facts
    parameters: int | None
    licence: str
    gated: bool


_answers: dict[tuple[str, str], tuple[float, Commit | ValueError]] = {}


def token() -> str | bool:
    """Return the token in the environment; False keeps the Hub's client from looking for another."""
    return os.environ.get("HF_TOKEN") or False


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
    # Costs 0.3 s, which processes without models from the Hub need not pay.
    import huggingface_hub as hub
    from httpx2 import HTTPError
    from huggingface_hub import constants, errors

    if constants.HF_HUB_OFFLINE:
        return _cached(repository, revision, "HF_HUB_OFFLINE is set and")
    where = f"“{repository}”" + (f" at “{revision}”" if revision != "main" else "")
    try:
        info = hub.HfApi(token=token()).model_info(repository, revision=revision, timeout=TIMEOUT_SECONDS)
        names = {file.rfilename for file in info.siblings or ()}
        if folders.CONFIG not in names:
            raise ValueError(f"{where} on the Hub cannot be used: it has no config.json.")
        if not names & {folders.WEIGHTS, folders.INDEX}:
            raise ValueError(
                f"{where} on the Hub cannot be used: it has no model.safetensors, and weights in other formats are never read."
            )
        if not names & folders.VOCABULARIES:
            raise ValueError(f"{where} on the Hub cannot be used: it has no tokenizer.")
        config = hub.hf_hub_download(repository, folders.CONFIG, revision=info.sha, token=token(), etag_timeout=TIMEOUT_SECONDS)
    except (errors.GatedRepoError, errors.DisabledRepoError):
        raise ValueError(
            f"{where} is gated: accept its licence on the Hub, and set HF_TOKEN to a token of that account."
        ) from None
    except errors.RevisionNotFoundError:
        raise ValueError(f"“{repository}” on the Hub has no revision “{revision}”.") from None
    except errors.RepositoryNotFoundError:
        raise ValueError(f"There is no model “{repository}” on the Hub that HF_TOKEN, or nobody, may read.") from None
    except errors.HFValidationError:
        raise ValueError(f"“{repository}” is not an id on the Hub, such as openai-community/gpt2.") from None
    except (HTTPError, OSError):
        return _cached(repository, revision, "The Hub cannot be reached, and")
    facts = _usable(where, lambda: folders.facts(folders.read_config(Path(config))))
    card = getattr(info, "card_data", None)
    licence = getattr(card, "license", None) if card else None
    total = getattr(info.safetensors, "total", None) if getattr(info, "safetensors", None) else None
    return Commit(str(info.sha), facts, total, str(licence or "see its page on the Hub"), bool(info.gated))


def _cached(repository: str, revision: str, why: str) -> Commit:
    """Return the commit in the local cache. Raises ValueError where it is not there."""
    import huggingface_hub as hub

    config = hub.try_to_load_from_cache(repository, folders.CONFIG, revision=revision)
    if not isinstance(config, str):
        raise ValueError(f"{why} “{repository}” is not on this machine.")
    folder = Path(config).parent
    where = f"“{repository}”"
    facts = _usable(where, lambda: folders.facts(folders.read_config(Path(config))))
    _usable(where, lambda: folders.weight_files(folder))
    # A snapshot's folder is named by its commit.
    return Commit(folder.name, facts, folders.parameters(folder), "see its page on the Hub", False)


def _usable(where: str, read: Callable[[], Facts | list[Path]]) -> Facts:
    try:
        return read()  # type: ignore[return-value]
    except ValueError as error:
        raise ValueError(f"{where} cannot be used: {error}") from None
