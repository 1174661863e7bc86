"""The pages of a share and the files that belong to them, the same behind a link and behind the permalink."""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header

from webapp.charts.picture_files import PICTURES, Format, draw
from webapp.charts.print_theme import on_paper
from webapp.charts.renderers import rendering_for
from webapp.findings.csv_file import as_csv
from webapp.reports.choices import Choices
from webapp.reports.composition import stream
from webapp.reports.html import PageLinks
from webapp.reports.html import page as rendered
from webapp.reports.report import Chart
from webapp.share_pages.shown_version import Seen
from webapp.shares.freezing import CARD, OFFLINE, PRINTED
from webapp.shares.links import count_view

TYPES = {OFFLINE: "text/html; charset=utf-8", PRINTED: "application/pdf", CARD: "image/png"}


def page(request: HttpRequest, seen: Seen) -> HttpResponse:
    answer = HttpResponse(rendered(seen.paper, _doors(request, seen)))
    if seen.link and request.method == "GET" and not request.user.is_authenticated:
        count_view(seen.link)
    return answer


def _doors(request: HttpRequest, seen: Seen) -> PageLinks:
    versions = [one for one in seen.share.versions.all() if one != seen.version]
    number = f"v{seen.version.number}/" if seen.version else ""
    streams = not seen.version and Choices.model_validate(seen.share.choices).curves
    wire = stream(seen.share.experiment) if streams and seen.share.experiment else None
    return PageLinks(
        explorer=f"{seen.base}examples/" if seen.frozen and seen.frozen.finished else "",
        chart=lambda name, how: f"{seen.base}charts/{name}.{how}",
        offline=f"{seen.base}{OFFLINE}",
        pdf=f"{seen.base}{PRINTED}",
        older=tuple((f"Version {one.number}, {one.created_at:%Y-%m-%d}", f"{seen.root}v{one.number}/") for one in versions),
        wire=None if wire is None else {**wire, "socket": f"{seen.root}live/"},
        address=request.build_absolute_uri(f"/shares/{seen.share.slug}/{number}"),
        access=seen.access,
        **ways_back(request, seen),
    )


def ways_back(request: HttpRequest, seen: Seen) -> dict[str, str]:
    """For who is logged in: the address of the experiment, empty where it was deleted, and that of the page for managing."""
    if not request.user.is_authenticated:
        return {}
    experiment = reverse("experiment", args=[seen.share.experiment_id]) if seen.share.experiment_id else ""
    return {"experiment": experiment, "manage": reverse("share-manage", args=[seen.share.slug])}


def file(request: HttpRequest, seen: Seen, name: str) -> HttpResponse:
    with rendering_for(*seen.asker(request)):
        answer = HttpResponse(seen.file(name), content_type=TYPES[name])
    if name != CARD:
        saved_as = f"{seen.share.slug}{f'-v{seen.version.number}' if seen.version else ''}.{name.rpartition('.')[2]}"
        answer["Content-Disposition"] = content_disposition_header(True, saved_as) or "attachment"
    return answer


def chart(request: HttpRequest, seen: Seen, name: str, how: str) -> HttpResponse:
    """One chart as a picture, or the rows that it was made from."""
    found = seen.paper.charts.get(name)
    if found is None:
        raise Http404("There is no such chart.")
    headers = {"Content-Disposition": f'attachment; filename="{seen.share.slug}-{name}.{how}"'}
    if how == "csv":
        return HttpResponse(as_csv(found.table), content_type="text/csv; charset=utf-8", headers=headers)
    if how not in PICTURES:
        raise Http404("A chart is an SVG, a PNG or a CSV.")
    picture, kind = PICTURES[how]
    with rendering_for(*seen.asker(request)):
        return HttpResponse(drawn(found.model_dump_json(), picture), content_type=kind, headers=headers)


def drawn(chart: str, how: Format) -> bytes:
    return draw(on_paper(Chart.model_validate_json(chart).drawn), how)
