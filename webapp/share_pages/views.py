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
from webapp.share_pages.shown_version import ShownVersion
from webapp.shares.freezing import CARD, OFFLINE, PRINTED
from webapp.shares.links import count_view
from webapp.shares.models import Version

TYPES = {OFFLINE: "text/html; charset=utf-8", PRINTED: "application/pdf", CARD: "image/png"}


def page(request: HttpRequest, shown: ShownVersion) -> HttpResponse:
    answer = HttpResponse(rendered(shown.paper, _page_links(request, shown)))
    if shown.link and request.method == "GET" and not request.user.is_authenticated:
        count_view(shown.link)
    return answer


def _page_links(request: HttpRequest, shown: ShownVersion) -> PageLinks:
    versions = [version for version in shown.share.versions.all() if version != shown.version]

    def address(version: Version) -> tuple[str, str]:
        return f"Version {version.number}, {version.created_at:%Y-%m-%d}", f"{shown.root}v{version.number}/"

    number = f"v{shown.version.number}/" if shown.version else ""
    streams = not shown.version and Choices.model_validate(shown.share.choices).curves
    wire = stream(shown.share.experiment) if streams and shown.share.experiment else None
    return PageLinks(
        explorer=f"{shown.base}examples/" if shown.frozen and shown.frozen.has_examples else "",
        chart=lambda name, how: f"{shown.base}charts/{name}.{how}",
        offline=f"{shown.base}{OFFLINE}",
        pdf=f"{shown.base}{PRINTED}",
        older=tuple(map(address, versions)),
        wire=None if wire is None else {**wire, "socket": f"{shown.root}live/"},
        address=request.build_absolute_uri(f"/shares/{shown.share.slug}/{number}"),
        access=shown.access,
        **ways_back(request, shown),
    )


def ways_back(request: HttpRequest, shown: ShownVersion) -> dict[str, str]:
    """Return the addresses of the experiment, empty if it was deleted, and of the page for managing, for logged-in accounts."""
    if not request.user.is_authenticated:
        return {}
    experiment = reverse("experiment", args=[shown.share.experiment_id]) if shown.share.experiment_id else ""
    return {"experiment": experiment, "manage": reverse("share-manage", args=[shown.share.slug])}


def file(request: HttpRequest, shown: ShownVersion, name: str) -> HttpResponse:
    with rendering_for(*shown.client(request)):
        answer = HttpResponse(shown.file(name), content_type=TYPES[name])
    if name != CARD:
        saved_as = f"{shown.share.slug}{f'-v{shown.version.number}' if shown.version else ''}.{name.rpartition('.')[2]}"
        answer["Content-Disposition"] = content_disposition_header(True, saved_as) or "attachment"
    return answer


def chart(request: HttpRequest, shown: ShownVersion, name: str, how: str) -> HttpResponse:
    """Return one chart as a picture, or the rows that it was made from."""
    chart = shown.paper.charts.get(name)
    if chart is None:
        raise Http404("There is no such chart.")
    headers = {"Content-Disposition": f'attachment; filename="{shown.share.slug}-{name}.{how}"'}
    if how == "csv":
        return HttpResponse(as_csv(chart.table), content_type="text/csv; charset=utf-8", headers=headers)
    if how not in PICTURES:
        raise Http404("A chart is an SVG, a PNG or a CSV.")
    picture, kind = PICTURES[how]
    with rendering_for(*shown.client(request)):
        return HttpResponse(drawn(chart.model_dump_json(), picture), content_type=kind, headers=headers)


def drawn(chart: str, how: Format) -> bytes:
    return draw(on_paper(Chart.model_validate_json(chart).drawn), how)
