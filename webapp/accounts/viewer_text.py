"""What accounts that only look are told of failures and machines: as much as strangers may know."""

from collections.abc import Sequence
from typing import Any

from training import ExperimentSpec, RunSpec
from training.catalog import local
from training.events import EVENT
from training.redaction import PublicEvents, without_folders
from training.spec import upgrade
from webapp.access import Access, Anybody, access_of
from webapp.experiments.redaction import public_text


def only_looks(user: Anybody) -> bool:
    return access_of(user) < Access.MEMBER


def text_for(user: Anybody, text: str) -> str:
    """An error or a line of a log."""
    return public_text(text) if text and only_looks(user) else text


def lines_for(user: Anybody, lines: Sequence[str]) -> list[str]:
    return text_for(user, "\n".join(lines)).split("\n") if lines else []


def events_for(user: Anybody, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events as ``queries.events_after`` gives them, or without number, attempt and time.

    Workers are numbered from 1 in each answer.
    """
    if not only_looks(user):
        return events
    public = PublicEvents(public_text)
    found = []
    for event in events:
        about = {name: event[name] for name in ("seq", "attempt", "at") if name in event}
        payload = {name: value for name, value in event.items() if name not in about}
        found.append(about | public.of(EVENT.validate_python(payload)).model_dump(mode="json"))
    return found


def spec_for(user: Anybody, spec: ExperimentSpec) -> ExperimentSpec:
    """The spec of an experiment of an earlier version may name a local model by its path."""
    return upgrade(without_folders(spec.model_dump(mode="json"))) if only_looks(user) else spec


def run_spec_for(user: Anybody, spec: RunSpec) -> RunSpec:
    return spec.model_copy(update={"model": local.public_name(spec.model, spec.digest)}) if only_looks(user) else spec
