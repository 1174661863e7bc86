"""Editing a note about an example: by its author alone, and in the audit log."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from webapp.access import NOT_YOUR_NOTE, Access, access_of
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.notes import services
from webapp.notes.models import Note


@transaction.atomic
def edit_note(user: User, note: Note, text: str) -> None:
    """Raises PermissionDenied for anybody but the author, also for administrators, and ValueError for what is no note."""
    if note.author_id != user.pk or access_of(user) < Access.MEMBER:
        raise PermissionDenied(NOT_YOUR_NOTE)
    before = note.text
    if services.edit(note, text):
        tell(user, Verb.CHANGED, "note", note.pk, f"on example {note.example}", before=before[:200])
