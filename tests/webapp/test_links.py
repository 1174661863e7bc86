"""No page of the laboratory has a link to a missing page, deleted or never existing."""

import re
from collections import Counter

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored, ids_of
from tests.factories.shares import CHOICES
from tests.webapp.page_text import links_in
from webapp.experiments import lifecycle
from webapp.notes import services as notes
from webapp.shares import links, services

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]

ENOUGH = 4
"""The number of addresses to visit that differ in their numbers or query alone."""

BESIDE = ("/static/", "/api/", "/logout/", "/drain/", "/stop/", "/launch/", "/export/", ".pdf", ".png", ".svg")
"""Parts of addresses that are no pages, change something, or take long to draw."""


def dead_links(client: Client, start: list[str]) -> dict[str, str]:
    """Return the reachable addresses that answer 404, with the pages that link them."""
    seen, rest = dict.fromkeys(start, ""), list(start)
    dead, shapes = {}, Counter[str]()
    while rest:
        path = rest.pop()
        answer = client.get(path)
        if answer.status_code == 404:
            dead[path] = seen[path]
        if answer.status_code != 200 or answer.streaming or not answer["Content-Type"].startswith("text/html"):
            continue
        for address in sorted(links_in(answer.content.decode(), path)):
            shapes[shape := re.sub(r"\d+", "N", address)] += address not in seen
            if address not in seen and shapes[shape] <= ENOUGH and not any(part in address for part in BESIDE):
                seen[address] = path
                rest.append(address)
    return dead


def test_what_was_deleted_is_linked_from_nowhere(client: Client, owner: User) -> None:
    owner.is_superuser = True
    owner.save()
    client.force_login(owner)
    deleted = explored(owner)
    share = services.share_frozen(deleted, CHOICES.model_copy(update={"examples": "all"}), owner)
    live = services.share_live(deleted, CHOICES, owner)
    links.make_link(share, owner)
    clone = explored(owner, data={"split_seed": 7})
    clone.parent = deleted
    clone.save()
    notes.note(owner, deleted.runs.all()[0].run_spec.fingerprint, ids_of("test")[0], "Both readings.")
    client.post(f"/experiments/{deleted.pk}/manage/", {"do": "rename", "name": "Renamed"})
    lifecycle.delete(deleted)
    start = ["/", "/shares/", "/audit/", "/queue/", "/workers/", "/leaderboard/"]
    start += [f"/shares/{shown.slug}/manage/" for shown in (share, live)] + [f"/shares/{share.slug}/v1/examples/"]
    assert dead_links(client, start) == {}
