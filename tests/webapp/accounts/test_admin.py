"""Changes of accounts on the admin site have entries in the audit log."""

from django.contrib.auth.models import User
from django.test import Client

from webapp.audit.models import Entry

LONG = "a long enough passphrase"
NEW = {"password1": LONG, "password2": LONG, "usable_password": "true"}
CYRILLIC = "\u0430d\u0430"
"""A name that looks like ada."""


def test_what_is_done_to_accounts_there_is_told(db: None, owner: User) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    page = f"/admin/auth/user/{owner.pk}/change/"
    fields = {"username": "ada", "date_joined_0": "2026-01-01", "date_joined_1": "12:00:00", "email": "ada@example.org"}
    assert client.post(page, fields | {"is_superuser": "on", "is_active": "on"}).status_code == 302
    assert client.post(f"/admin/auth/user/{owner.pk}/password/", {"password1": LONG, "password2": LONG}).status_code == 302
    new = {"username": "grace", "password1": LONG, "password2": LONG, "usable_password": "true"}
    assert client.post("/admin/auth/user/add/", new).status_code == 302
    grace = User.objects.get(username="grace")
    assert client.post(f"/admin/auth/user/{grace.pk}/delete/", {"post": "yes"}).status_code == 302
    entries = Entry.objects.exclude(verb="logged-in").order_by("pk")
    assert [(entry.name, entry.verb, entry.title) for entry in entries] == [
        ("root", "changed", "ada"),
        ("root", "changed", "ada"),
        ("root", "created", "grace"),
        ("root", "deleted", "grace"),
    ]
    assert "Superuser status" in entries[0].details["changed"]


def test_there_too_nobody_deposes_himself(db: None) -> None:
    client, root = Client(), User.objects.create_superuser("root")
    client.force_login(root)
    fields = {"username": "root", "date_joined_0": "2026-01-01", "date_joined_1": "12:00:00"}
    assert client.post(f"/admin/auth/user/{root.pk}/change/", fields).status_code == 302
    assert client.post(f"/admin/auth/user/{root.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": root.pk, "post": "yes"})
    root.refresh_from_db()
    assert (root.is_active, root.is_staff, root.is_superuser) == (True, True, True)


def test_there_too_a_new_name_has_letters_that_look_like_no_others_and_an_old_one_may_stay(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    assert client.post("/admin/auth/user/add/", NEW | {"username": CYRILLIC}).status_code == 200
    old = User.objects.create_user("j\u00f6rg")
    page, dates = f"/admin/auth/user/{old.pk}/change/", {"date_joined_0": "2026-01-01", "date_joined_1": "12:00:00"}
    assert client.post(page, dates | {"username": "j\u00f6rg", "is_active": "on", "first_name": "J."}).status_code == 302
    for name in (CYRILLIC, "ROOT", "j\u00f6rge"):
        assert client.post(page, dates | {"username": name, "is_active": "on"}).status_code == 200
    assert set(User.objects.values_list("username", flat=True)) == {"root", "j\u00f6rg"}
