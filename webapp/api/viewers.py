"""What accounts that only look are told of failures and machines: as much as strangers may know."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from training import ExperimentSpec, RunSpec
from training.catalog import local
from training.events import EVENT
from training.redaction import PublicEvents, without_folders
from training.spec import upgrade
from webapp.access import Access, access_of
from webapp.experiments.redaction import installation_names, public_text


def only_looks(request: HttpRequest) -> bool:
    return access_of(request.user) < Access.MEMBER


def text_for(request: HttpRequest, text: str) -> str:
    """An error or a line of a log."""
    return public_text(text) if text and only_looks(request) else text


def lines_for(request: HttpRequest, lines: Sequence[str]) -> list[str]:
    return text_for(request, "\n".join(lines)).split("\n") if lines else []


def events_for(request: HttpRequest, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events as ``queries.events_after`` gives them; workers are numbered from 1 in each answer."""
    if not only_looks(request):
        return events
    public = PublicEvents(set(installation_names()))
    found = []
    for event in events:
        about = {name: event[name] for name in ("seq", "attempt", "at")}
        payload = {name: value for name, value in event.items() if name not in about}
        found.append({**about, **public.of(EVENT.validate_python(payload)).model_dump(mode="json")})
    return found


def spec_for(request: HttpRequest, spec: ExperimentSpec) -> ExperimentSpec:
    """The spec of an experiment of an earlier version may name a local model by its path."""
    return upgrade(without_folders(spec.model_dump(mode="json"))) if only_looks(request) else spec


def run_spec_for(request: HttpRequest, spec: RunSpec) -> RunSpec:
    return spec.model_copy(update={"model": local.public_name(spec.model, spec.digest)}) if only_looks(request) else spec
