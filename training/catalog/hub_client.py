"""The client of the Hugging Face Hub as this project uses it: it never waits on its own, and its errors become sentences.

``huggingface_hub`` waits as long as a response with status 429 says, several times if need be, and can then neither be stopped
nor show why. Here such a response is the error Busy at once, and the caller decides whether to wait.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

TIMEOUT_SECONDS = 5.0
"""The longest silence of the Hub before a response."""

_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))


class Busy(Exception):
    """The Hub refuses further requests for ``seconds``; None where it does not say for how long."""

    def __init__(self, seconds: int | None) -> None:
        self.seconds = seconds
        super().__init__(f"The Hub has had too many requests (429), and {self.when}.")

    @property
    def when(self) -> str:
        return "does not say until when" if self.seconds is None else f"takes the next one in {self.seconds:,} seconds"


def token() -> str | bool:
    """Return the token in the environment; False keeps the Hub's client from looking for another."""
    return os.environ.get("HF_TOKEN") or False


def connect() -> Any:
    """Return ``huggingface_hub`` with the rules of this module. It costs 0.3 s once, which other processes need not pay."""
    import huggingface_hub
    from huggingface_hub.utils import _http
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if _http._GLOBAL_CLIENT_FACTORY is not _client:
        huggingface_hub.set_client_factory(_client)
        disable_progress_bars()
    return huggingface_hub


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let no request begin later than in ``seconds``, not even those that the client would repeat: to it the Hub is then away."""
    before = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(before)


def _client() -> Any:
    from huggingface_hub.utils import _http

    client = _http.default_client_factory()
    hooks = client.event_hooks
    client.event_hooks = {"request": [_in_time, *hooks["request"]], "response": [_not_busy, *hooks["response"]]}
    return client


def _in_time(request: Any) -> None:
    if time.monotonic() > _deadline.get():
        from huggingface_hub.errors import OfflineModeIsEnabled

        raise OfflineModeIsEnabled("The Hub does not respond in time.")


def _not_busy(response: Any) -> None:
    if response.status_code == 429:
        from huggingface_hub.utils._http import parse_ratelimit_headers

        limit, after = parse_ratelimit_headers(response.headers), response.headers.get("Retry-After", "").strip()
        raise Busy(int(after) if after.isdecimal() else limit.reset_in_seconds if limit else None)


def refusal(error: BaseException, kind: str, repository: str, revision: str = "") -> str | None:
    """Return what the Hub said against a request for a ``kind`` ("model", "data set"), in a sentence; None where it said nothing.

    Errors that libraries raise because of another are understood by that one.
    """
    from huggingface_hub import errors

    where = f"“{repository}”" + (f" at “{revision}”" if revision else "")
    for cause in _causes(error):
        match cause:
            case Busy():
                return str(cause)
            case errors.GatedRepoError():
                return f"{where} is gated: accept its licence on the Hub, and set HF_TOKEN to a token of that account."
            case errors.DisabledRepoError():
                return f"{where} is disabled on the Hub."
            case errors.RevisionNotFoundError():
                return f"“{repository}” on the Hub has no revision “{revision}”."
            case errors.RepositoryNotFoundError():
                return f"There is no {kind} “{repository}” on the Hub that HF_TOKEN, or nobody, may read."
            case errors.HFValidationError():
                return f"“{repository}” is not an id on the Hub, such as openai-community/gpt2."
            case errors.HfHubHTTPError() if cause.response.status_code in (401, 403):
                return f"The Hub does not let HF_TOKEN read {where}: set HF_TOKEN to a valid token with access to it, or to none."
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, and the errors because of which it was raised."""
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
