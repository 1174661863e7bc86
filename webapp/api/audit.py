"""The audit log in the API, for administrators."""

from datetime import datetime
from typing import Annotated, Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from webapp.access import Access, demand
from webapp.audit import queries

router = Router()

Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class AuditFilter(Schema):
    who: Text = Field("", description="The name of an account.")
    verb: Text = Field("", description="An act as in the entries, such as created, launched or shared.")
    text: Text = Field("", description="A part of a title or a name, or a number like #12.")
    page: int = Field(1, ge=1)
    per_page: int = Field(50, ge=1, le=500)


class EntryOut(Schema):
    """An entry of the audit log. ``name`` is the account at that time, empty for a visitor without one.

    ``key`` is the number or name of the object.
    """

    id: int
    at: datetime
    name: str
    verb: str
    about: str
    key: str
    title: str
    details: dict[str, Any]


class AuditLogOut(Schema):
    """A page of the audit log. ``total`` counts the entries on all ``pages``; a page after the last one is empty."""

    entries: list[EntryOut]
    page: int
    pages: int
    total: int


@router.get("/audit", response=AuditLogOut)
def audit(request: HttpRequest, selection: Annotated[AuditFilter, Query()]) -> AuditLogOut:
    """List the entries of the audit log, the newest first, filtered by account, act and object. For administrators."""
    demand(request.user, Access.ADMIN)
    pages = Paginator(queries.entries(selection.who, selection.verb, selection.text.strip()), selection.per_page)
    shown = pages.page(selection.page) if selection.page <= pages.num_pages else ()
    entries = [EntryOut.from_orm(entry) for entry in shown]
    return AuditLogOut(entries=entries, page=selection.page, pages=pages.num_pages, total=pages.count)
