"""Pages and their places in the navigation: the link that is marked while a page is open."""

from collections.abc import Mapping
from typing import Any

PLACES: dict[str, tuple[str, ...]] = {
    "home": ("home", "home-parts", "palette"),
    "experiments": (
        *("experiments", "experiment", "run", "compare", "leaderboard", "manage", "diagnostics", "figure", "chart"),
        *("compare-file", "compare-status", "leaderboard-table", "table", "run-chart"),
        *("explorer", "example", "example-nearby", "example-words", "example-write", "examples-marked", "examples-export"),
        *("examples-classes", "examples-classes-file"),
        *("example-picture", "outside-students", "handout", "looks"),
        *("import-archive", "archive-import", "accept-runs", "archive", "share", "experiment-status", "launch", "stop"),
        *("run-status", "run-system", "curve-range", "run-log", "run-log-file", "stop-run", "experiment-tag"),
        *("favourite", "bulk"),
        *("projects", "project", "project-new", "project-manage", "view-save", "view-delete", "list-columns"),
    ),
    "datasets": (
        *("datasets", "dataset", "upload", "fetch", "labels", "labels-upload", "blind"),
        *("import", "import-check", "import-again", "import-change", "import-stop", "import-save", "import-discard"),
    ),
    "queue": ("queue", "queue-pause", "queue-move"),
    "workers": ("workers", "drain"),
    "new": ("new", "preview"),
    "shares-list": ("shares-list", "share-manage", "share-link", "share-revoke"),
    "account": ("account", "token-make", "token-revoke", "password", "api"),
    "people": (*("people", "people-role", "people-close", "people-reopen", "people-reset", "invite", "invitation-revoke"),),
    "audit": ("audit", "audit-csv"),
    "docs": ("docs", "docs-page"),
}
"""Names of the addresses that belong to each link of the navigation, by the name of its own address."""

MENU = ("shares-list", "account", "people", "audit", "docs")
"""Places whose links are in the menu of the account."""

_place = {name: place for place, names in PLACES.items() for name in names}


def place_of(name: str | None) -> str:
    """Return the place of an address by its name; empty for one without a place, such as the login page."""
    return _place.get(name or "", "")


ITEMS = (
    ("experiments/<int:pk>/", "experiment", "pk"),
    ("runs/<int:pk>/", "run", "pk"),
    ("datasets/<slug:name>/", "dataset", "name"),
    ("projects/<int:pk>/", "project", "pk"),
    ("shares/<slug:slug>/", "share", "slug"),
)
"""The beginning of the addresses of pages about one record, its kind, and the argument that names it."""


def item_of(route: str, arguments: Mapping[str, Any]) -> str:
    """Return the record that a page is about, such as experiment:12; empty for other pages."""
    return next((f"{kind}:{arguments[name]}" for start, kind, name in ITEMS if route.startswith(start)), "")
