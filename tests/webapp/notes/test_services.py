"""Notes about examples: what can be written, and edited."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from webapp.audit.models import Entry
from webapp.explorer.editing import edit_note
from webapp.notes import services
from webapp.notes.models import Note

pytestmark = pytest.mark.django_db


@pytest.fixture
def note(owner: User) -> Note:
    return services.note(owner, "f" * 64, 7, "As it was.")


def test_an_author_edits_a_note_and_it_says_when_and_the_audit_log_what_it_said(owner: User, note: Note) -> None:
    edit_note(owner, note, " As it is. ")
    note.refresh_from_db()
    assert (note.text, note.author) == ("As it is.", owner)
    assert note.edited_at
    assert note.edited_at > note.at
    entry = Entry.objects.get()
    assert (entry.who, entry.verb, entry.about, entry.key) == (owner, "changed", "note", str(note.pk))
    assert entry.details == {"before": "As it was."}


def test_the_same_text_again_is_no_edit(owner: User, note: Note) -> None:
    edit_note(owner, note, "As it was.")
    note.refresh_from_db()
    assert note.edited_at is None
    assert not Entry.objects.exists()


@pytest.mark.parametrize("name", ["grace", "root"])
def test_nobody_edits_what_somebody_else_wrote(note: Note, name: str) -> None:
    other = User.objects.create_user(name, is_superuser=name == "root")
    with pytest.raises(PermissionDenied, match="Only its author may edit this note"):
        edit_note(other, note, "Not so.")
    note.refresh_from_db()
    assert note.text == "As it was."


@pytest.mark.parametrize("text", ["", " \n", "\0", "x" * 4001])
def test_what_is_no_note_is_refused_and_the_old_text_stays(owner: User, note: Note, text: str) -> None:
    with pytest.raises(ValueError, match=r"Write something|at most 4,000"):
        edit_note(owner, note, text)
    note.refresh_from_db()
    assert note.text == "As it was."
