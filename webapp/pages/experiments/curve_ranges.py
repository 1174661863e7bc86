"""A range of steps of some runs in narrower bins, for curves that are zoomed."""

from django.http import Http404, HttpRequest, JsonResponse

from webapp.access import viewer
from webapp.experiments import queries
from webapp.findings.run_curves import between
from webapp.live.runs_consumer import MOST_RUNS
from webapp.parsing import whole


@viewer
def curve_range(request: HttpRequest) -> JsonResponse:
    """Return the curves of the runs in the address by their numbers, as static/js/bins.js reads them.

    The address has ``runs``, numbers with commas between them, and the ``first`` and the ``last`` step.
    """
    first, last = whole(request.GET.get("first")), whole(request.GET.get("last"))
    texts = request.GET.get("runs", "").split(",")
    numbers = [number for text in texts if (number := whole(text)) is not None]
    if first is None or last is None or first > last or len(numbers) < len(texts) or len(numbers) > MOST_RUNS:
        raise Http404("This is no range of steps of some runs.")
    return JsonResponse(between(list(queries.visible_runs(request.user).filter(pk__in=numbers)), first, last))
