"""The page of one example of either kind."""

from webapp.example_queries.kinds import WRITTEN
from webapp.explorer.example import ExamplePage
from webapp.explorer.labelled_example import LabelledPage
from webapp.explorer.open_view import OpenView
from webapp.explorer.written_example import WrittenPage

CHART = "trajectory-chart"


def example_page(opened: OpenView, example: int) -> ExamplePage:
    """Return the page. Raises LookupError for an example without outputs of the view's models."""
    return (WrittenPage if opened.slice.about.kind is WRITTEN else LabelledPage)(opened, example)
