from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from webapp.share_pages import embeds, examples, link_pages, managing, views
from webapp.share_pages.permissions import shared, team
from webapp.shares.freezing import MADE


def share_urls(name: str, rule: Callable[[Any], Any]) -> list[URLPattern]:
    """Return the pages and files of a share under ``name``/: of the newest version or live page, and of numbered versions."""
    patterns = []
    for root, kind in ((f"{name}/<slug:slug>/", name), (f"{name}/<slug:slug>/v<int:number>/", f"{name}-version")):
        patterns += [
            path(root, rule(views.page), name=kind),
            path(f"{root}examples/", rule(examples.explorer), name=f"{kind}-examples"),
            path(f"{root}examples/<int:example>/", rule(examples.example), name=f"{kind}-example"),
            path(f"{root}examples/<int:example>/picture/", rule(examples.picture), name=f"{kind}-picture"),
            path(f"{root}examples/classes/", rule(examples.classes), name=f"{kind}-examples-classes"),
            path(f"{root}examples/classes.csv", rule(examples.classes_file), name=f"{kind}-examples-classes-file"),
            path(f"{root}examples/export/<slug:how>/", rule(examples.export), name=f"{kind}-examples-export"),
            path(f"{root}charts/<slug:name>.<slug:how>", rule(views.chart), name=f"{kind}-chart"),
            *(path(f"{root}{file}", rule(views.file), {"name": file}, name=f"{kind}-{file.partition('.')[0]}") for file in MADE),
        ]
    return patterns


urlpatterns = [
    path("s/<str:token>/", link_pages.follow, name="door"),
    path("s/<str:token>/card.png", link_pages.preview_card, name="preview-card"),
    path("e/<str:token>/<slug:chart>/", embeds.embed, name="embed"),
    *share_urls("shared", shared),
    path("shares/", managing.shares, name="shares-list"),
    path("shares/<slug:slug>/manage/", managing.manage, name="share-manage"),
    path("shares/<slug:slug>/links/", managing.make_link, name="share-link"),
    path("shares/<slug:slug>/links/<int:pk>/revoke/", managing.revoke, name="share-revoke"),
    *share_urls("shares", team),
    path("experiments/<int:pk>/share/", managing.share, name="share"),
]
