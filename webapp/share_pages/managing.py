"""The pages on which an experiment is shared: choices and freezing, versions, links."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import escape
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from webapp.access import NOT_YOURS, may_change, member, viewer
from webapp.archives.export import Unfinished
from webapp.charts.renderers import NotDrawn
from webapp.experiments import queries as experiments
from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.html import PageLinks, page
from webapp.reports.missing_glyphs import scripts_without_glyphs
from webapp.reports.proposed_examples import proposed_examples
from webapp.reports.refusal import Refused
from webapp.share_pages.forms import ChoicesForm, LinkForm
from webapp.shares import links, queries, services
from webapp.shares.freezing import as_version
from webapp.shares.frozen import missing_scripts
from webapp.shares.models import Share


@viewer
def shares(request: HttpRequest) -> HttpResponse:
    """List the shares that this account may manage."""
    assert isinstance(request.user, User)
    return render(request, "shares/shares.html", {"shares": queries.managed(request.user)})


@viewer
def share(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the contents: a preview, a new share, or with ``?of=`` another version of one."""
    experiment = get_object_or_404(experiments.visible(request.user).select_related("owner"), pk=pk)
    changes = may_change(request.user, experiment)
    old = _of(request, experiment)
    proposed = proposed_examples(experiment) if changes else []
    shares = queries.counted(experiment.shares.all())
    context: dict[str, Any] = {"experiment": experiment, "old": old, "changes": changes, "shares": shares, "proposed": proposed}
    if request.method != "POST":
        given = ChoicesForm.of(Choices.model_validate(old.choices)) if old else ChoicesForm.of(Choices(), proposed)
        given.fields["title"].widget.attrs["placeholder"] = experiment.name
        return render(request, "shares/share.html", {**context, "form": given})
    if not changes:
        raise PermissionDenied(NOT_YOURS)
    form = ChoicesForm(request.POST)
    if form.is_valid():
        try:
            context["missing"] = _to_confirm(request, experiment, form.choices)
            if not context["missing"]:
                return _done(request, experiment, old, form)
        except (Unfinished, Refused, NotDrawn, services.Taken) as error:
            form.add_error(None, str(error))
    return render(request, "shares/share.html", {**context, "form": form}, status=422)


def _to_confirm(request: HttpRequest, experiment: Experiment, choices: Choices) -> str:
    """Return the scripts that are empty boxes in the PDF, unless the author has confirmed them. Raises as ``compose`` does."""
    assert isinstance(request.user, User)
    if request.POST.get("do") == "preview":
        return ""
    missing = ", ".join(scripts_without_glyphs(compose(experiment, choices, request.user).text))
    return "" if request.POST.get("confirmed") == missing else missing


def _of(request: HttpRequest, experiment: Experiment) -> Share | None:
    slug = request.GET.get("of", "")
    return get_object_or_404(experiment.shares, slug=slug) if slug else None


def _done(request: HttpRequest, experiment: Experiment, old: Share | None, form: ChoicesForm) -> HttpResponse:
    """Carry out a valid form. Raises as ``services`` does."""
    assert isinstance(request.user, User)
    live = old.live if old else form.cleaned_data["kind"] == "live"
    if request.POST.get("do") == "preview":
        paper = compose(experiment, form.choices, request.user)
        return HttpResponse(page(paper if live else as_version(paper, services.next_number(old)), PageLinks()))
    if old:
        version = services.renew(old, form.choices, request.user)
        messages.info(request, f"Version {version.number} is frozen." if version else "The live page shows this from now on.")
        return redirect("share-manage", old.slug)
    if live:
        made = services.share_live(experiment, form.choices, request.user)
    else:
        made = services.share_frozen(experiment, form.choices, request.user)
    return redirect("share-manage", made.slug)


@viewer
def manage(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the versions and links of a share; accounts that may not change it see the permalinks."""
    return _managed(request, _share(slug), LinkForm())


@member
@require_POST
@never_cache
def make_link(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a link. Only this response, which no browser stores, shows it."""
    share = _managed_share(request, slug)
    assert isinstance(request.user, User)
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _managed(request, share, form, status=422)
    link, token = links.make_link(share, request.user, **form.options)
    made = {"made": request.build_absolute_uri(f"/s/{token}/")}
    if not link.password:
        address = request.build_absolute_uri(f"/e/{token}/gap/")
        made["frame"] = (
            f'<iframe src="{address}" width="760" height="420" style="border: 0" title="{escape(share.title)}"></iframe>'
        )
    return _managed(request, share, LinkForm(), made)


@member
@require_POST
def revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    share = _managed_share(request, slug)
    assert isinstance(request.user, User)
    links.revoke(get_object_or_404(share.links, pk=pk), request.user)
    return redirect("share-manage", slug)


def _share(slug: str) -> Share:
    return get_object_or_404(Share.objects.select_related("experiment", "owner"), slug=slug)


def _managed_share(request: HttpRequest, slug: str) -> Share:
    share = _share(slug)
    if not queries.may_manage(request.user, share):
        raise PermissionDenied(queries.NOT_YOUR_SHARE)
    return share


def _managed(
    request: HttpRequest, share: Share, form: LinkForm, made: Mapping[str, str] | None = None, status: int = 200
) -> HttpResponse:
    """Render the page; ``made`` has the address of a new link, and the frame of a chart for other pages."""
    versions = [(version, missing_scripts(version.content)) for version in share.versions.select_related("made_by")]
    context = {"share": share, "versions": versions, "form": form, **(made or {})}
    if queries.may_manage(request.user, share):
        context |= {"manages": True, "links": share.links.select_related("made_by")}
    return render(request, "shares/manage.html", context, status=status)
