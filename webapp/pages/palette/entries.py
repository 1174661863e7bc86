"""An entry of the command palette: a page that it opens, a form that it sends, or a button of the page that it presses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    title: str
    note: str = ""
    address: str = ""
    """The page it opens, or with ``sends`` the address of the form."""
    sends: str = ""
    """The value of ``do`` in the form that it sends; the palette sends no other fields."""
    posts: bool = False
    presses: str = ""
    """The attribute of the button that it is, such as data-theme-toggle."""


@dataclass(frozen=True)
class Group:
    title: str
    entries: tuple[Entry, ...]


def group(title: str, *entries: Entry) -> list[Group]:
    """Return a list with the group, or an empty list without entries."""
    return [Group(title, entries)] if entries else []
