"""Changes of notes on examples, by their authors only, with an entry in the audit log."""

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
    """Change the text. Raises PermissionDenied for all but the author, even administrators, ValueError for an invalid text."""
    if note.author_id != user.pk or access_of(user) < Access.MEMBER:
        raise PermissionDenied(NOT_YOUR_NOTE)
    before = note.text
    if services.edit(note, text):
        tell(user, Verb.CHANGED, "note", note.pk, f"on example {note.example}", before=before[:200])
