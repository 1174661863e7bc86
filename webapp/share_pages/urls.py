from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from webapp.share_pages import embeds, examples, link_pages, managing, views
from webapp.share_pages.permissions import shared, team
from webapp.shares.freezing import MADE


def looking(name: str, rule: Callable[[Any], Any]) -> list[URLPattern]:
    """The pages and files of a share under ``name``/, each of the newest version, or the live one, and of a numbered one."""
    found = []
    for root, kind in ((f"{name}/<slug:slug>/", name), (f"{name}/<slug:slug>/v<int:number>/", f"{name}-version")):
        found += [
            path(root, rule(views.page), name=kind),
            path(f"{root}examples/", rule(examples.explorer), name=f"{kind}-examples"),
            path(f"{root}examples/<int:example>/", rule(examples.example), name=f"{kind}-example"),
            path(f"{root}examples/export/<slug:how>/", rule(examples.export), name=f"{kind}-examples-export"),
            path(f"{root}charts/<slug:name>.<slug:how>", rule(views.chart), name=f"{kind}-chart"),
            *(path(f"{root}{file}", rule(views.file), {"name": file}, name=f"{kind}-{file.partition('.')[0]}") for file in MADE),
        ]
    return found


urlpatterns = [
    path("s/<str:token>/", link_pages.door, name="door"),
    path("s/<str:token>/card.png", link_pages.preview_card, name="preview-card"),
    path("e/<str:token>/<slug:chart>/", embeds.embed, name="embed"),
    *looking("shared", shared),
    path("shares/", managing.shares, name="shares-list"),
    path("shares/<slug:slug>/manage/", managing.manage, name="share-manage"),
    path("shares/<slug:slug>/links/", managing.make_link, name="share-link"),
    path("shares/<slug:slug>/links/<int:pk>/revoke/", managing.revoke, name="share-revoke"),
    *looking("shares", team),
    path("experiments/<int:pk>/share/", managing.share, name="share"),
]
