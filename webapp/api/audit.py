"""The trail of who did what, through the JSON door, for administrators."""

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


class Asked(Schema):
    who: Text = Field("", description="The name of an account.")
    verb: Text = Field("", description="What was done, as in the entries: created, launched, shared and so on.")
    text: Text = Field("", description="A part of a title or a name, or a number like #12.")
    page: int = Field(1, ge=1)
    per_page: int = Field(50, ge=1, le=500)


class EntryOut(Schema):
    """``name`` is that of who did it, then, and empty for somebody not logged in; ``key`` the number or name of the thing."""

    id: int
    at: datetime
    name: str
    verb: str
    about: str
    key: str
    title: str
    details: dict[str, Any]


class TrailOut(Schema):
    """``total`` counts the entries on all ``pages``; a page behind the last one is empty."""

    entries: list[EntryOut]
    page: int
    pages: int
    total: int


@router.get("/audit", response=TrailOut)
def audit(request: HttpRequest, asked: Annotated[Asked, Query()]) -> TrailOut:
    """Who did what, the newest first, by person, act and thing. For administrators."""
    demand(request.user, Access.ADMIN)
    pages = Paginator(queries.entries(asked.who, asked.verb, asked.text.strip()), asked.per_page)
    shown = pages.page(asked.page) if asked.page <= pages.num_pages else ()
    entries = [EntryOut.from_orm(one) for one in shown]
    return TrailOut(entries=entries, page=asked.page, pages=pages.num_pages, total=pages.count)
