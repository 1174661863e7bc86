"""The keys of all pages, declared once: the help of every page lists them, and keys.js acts on those that the help lists.

A key acts on the element of the page whose attribute data-key has it: a field gets the focus, everything else is clicked. A key
without its element on a page does nothing there, and its help is hidden.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """Keys with one meaning, by the names that browsers give them; Ctrl+ is also the command key of a Mac."""

    presses: tuple[str, ...]
    title: str
    shown: tuple[str, ...] = ()
    """The keys as the help shows them, if not as they are named."""
    rows: bool = False
    """True for keys that move through the rows of a list, which has data-list: the first to the next, the second back."""
    own: bool = False
    """True for keys that act without keys.js, in the browser or in another script; they are explained only."""
    where: str = ""
    """The CSS selector of what has the keys while it has the focus; the help of a page without one hides them."""

    @property
    def labels(self) -> tuple[str, ...]:
        return self.shown or self.presses


CURVES = ".chart[aria-keyshortcuts]"
"""Charts to which static/js/curve_controls.js gives keys."""

KEYS = (
    Key(("Ctrl+k",), "search everything, and act", ("Ctrl", "K")),
    Key(("/",), "search this page, or everything"),
    Key(("n",), "new experiment"),
    Key(("j", "k"), "next, previous example of the view"),
    Key(("j", "k"), "next, previous row", rows=True),
    Key(("Enter",), "open the row", rows=True, own=True),
    Key(("x",), "choose the row"),
    Key(tuple("12345678"), "a cell of the matrix, in reading order", ("1", "–", "8")),
    Key(("u",), "back to the list"),
    Key(("t",), "write a tag"),
    Key(("c",), "write a note"),
    Key(("ArrowLeft", "ArrowRight"), "values on the focused chart of curves", ("←", "→"), own=True, where=CURVES),
    Key(("+", "-"), "zoom in, out on it", ("+", "−"), own=True, where=CURVES),
    Key(("Shift+ArrowLeft", "Shift+ArrowRight"), "earlier, later on it", ("Shift", "←", "→"), own=True, where=CURVES),
    Key(("0",), "its whole range", own=True, where=CURVES),
    Key(("?",), "these keys"),
    Key(("Escape",), "close a dialog or a menu", ("Esc",), own=True),
)
"""In the order of the help. Of two with the same key, the first counts that has its element on the page."""
