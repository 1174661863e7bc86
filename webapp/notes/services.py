"""Every write to tags and notes."""

import re

from django.contrib.auth.models import User
from django.utils import timezone

from webapp.notes.models import LONGEST_NOTE, Note, Tag

NAME = re.compile(r"\w[\w .,:/+-]{0,39}")


def tag(author: User, fingerprint: str, example: int, name: str) -> Tag:
    """Add the tag to the example, once. Raise ValueError for an invalid name."""
    name = tag_name(name)
    stored, _ = Tag.objects.get_or_create(fingerprint=fingerprint, example=example, name=name, defaults={"author": author})
    return stored


def tag_name(typed: str) -> str:
    """Return the name of a tag as it is stored. Raise ValueError for an invalid one."""
    name = normalized(typed)
    if not NAME.fullmatch(name):
        raise ValueError("A tag has 1 to 40 letters, digits, spaces or . , : / + - and begins with a letter or digit.")
    return name


def normalized(typed: str) -> str:
    return " ".join(typed.lower().removeprefix("#").split())


def tag_of(fingerprint: str, example: int, name: str) -> Tag | None:
    """Return the tag with this name on the example."""
    return Tag.objects.filter(fingerprint=fingerprint, example=example, name=normalized(name)).first()


def note(author: User, fingerprint: str, example: int, text: str) -> Note:
    """Add a note. Raise ValueError for an empty note or one that is too long."""
    return Note.objects.create(author=author, fingerprint=fingerprint, example=example, text=_text(text))


def edit(written: Note, text: str) -> bool:
    """Replace the text of a note and update its time. Return False if the text is unchanged.

    Raise ValueError as ``note`` does.
    """
    text = _text(text)
    if text == written.text:
        return False
    written.text, written.edited_at = text, timezone.now()
    written.save(update_fields=["text", "edited_at"])
    return True


def _text(typed: str) -> str:
    text = typed.replace("\x00", "").strip()
    if not text:
        raise ValueError("Write something first.")
    if len(text) > LONGEST_NOTE:
        raise ValueError(f"A note has at most {LONGEST_NOTE:,} characters; this one has {len(text):,}.")
    return text
