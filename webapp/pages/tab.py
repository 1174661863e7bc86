"""The tab of a page of an experiment or a run: its progress or its end before the name, and an icon."""

from collections.abc import Callable
from dataclasses import dataclass

WORDS = {
    "stopping": "stopping",
    "waiting": "queued",
    "queued": "queued",
    "finished": "done",
    "failed": "failed",
    "stopped": "stopped",
}
ICONS = {"running": "running", "stopping": "running", "finished": "done", "failed": "failed"}


@dataclass(frozen=True)
class Tab:
    title: str
    icon: str
    """running, done, failed, or empty for the icon of the laboratory."""


def tab(state: str, percent: Callable[[], float], name: str) -> Tab:
    """Return the tab of something called ``name`` in a state of an experiment or of a run. 42.9 is shown as 42%."""
    word = f"{int(percent())}%" if state == "running" else WORDS.get(state, "")
    return Tab(f"{word} · {name}" if word else name, ICONS.get(state, ""))
