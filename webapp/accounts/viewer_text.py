"""Texts about failures and machines for accounts that only read: without what strangers may not see."""

from collections.abc import Sequence
from typing import Any

from training import ExperimentSpec, RunSpec
from training.catalog import local
from training.events import EVENT
from training.redaction import PublicEvents, without_folders
from training.spec import upgrade
from webapp.access import Access, Anybody, access_of
from webapp.experiments.redaction import public_text


def only_reads(user: Anybody) -> bool:
    return access_of(user) < Access.MEMBER


def text_for(user: Anybody, text: str) -> str:
    """Return an error or a line of a log without private parts."""
    return public_text(text) if text and only_reads(user) else text


def lines_for(user: Anybody, lines: Sequence[str]) -> list[str]:
    return text_for(user, "\n".join(lines)).split("\n") if lines else []


def events_for(user: Anybody, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events as ``queries.events_after`` gives them, or without number, attempt and time.

    Workers are numbered from 1 in each answer.
    """
    if not only_reads(user):
        return events
    public = PublicEvents(public_text)
    public_events = []
    for event in events:
        about = {name: event[name] for name in ("seq", "attempt", "at") if name in event}
        payload = {name: value for name, value in event.items() if name not in about}
        public_events.append(about | public.of(EVENT.validate_python(payload)).model_dump(mode="json"))
    return public_events


def spec_for(user: Anybody, spec: ExperimentSpec) -> ExperimentSpec:
    """Return the spec without paths, since the spec of an older experiment may name a local model by its path."""
    return upgrade(without_folders(spec.model_dump(mode="json"))) if only_reads(user) else spec


def run_spec_for(user: Anybody, spec: RunSpec) -> RunSpec:
    return spec.model_copy(update={"model": local.public_name(spec.model, spec.digest)}) if only_reads(user) else spec
