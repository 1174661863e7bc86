"""The claim over several pairs: the range of their PGR, and the warning about extremes where there are two."""

from types import SimpleNamespace
from typing import Any

from tests.factories.result_groups import estimate, group
from webapp.reports.summary import summary


def findings(title: str, **changes: Any) -> Any:
    """Return what the summary reads of the findings about one pair."""
    return SimpleNamespace(head=group(**changes), pair=SimpleNamespace(title=title), how=lambda _: "naively")


def test_the_range_of_two_pairs_has_a_warning_about_extremes() -> None:
    claim, further = summary([findings("A to C", pgr=estimate(0.6, 0.1)), findings("B to C", pgr=estimate(0.2, 0.1))])
    low, high = ".20 [.10, .30] (B to C, trained naively)", ".60 [.50, .70] (A to C, trained naively)"
    assert claim.text == f"Over 2 pairs of models, PGR is from {low} to {high}."
    assert further == ("These are the extremes of several estimates, and extremes are partly due to chance.",)


def test_a_single_pair_with_a_pgr_is_no_extreme() -> None:
    claim, further = summary([findings("A to C", pgr=estimate(0.6, 0.1)), findings("B to C", state="saturated")])
    assert claim.text == "Over 2 pairs of models, PGR is .60 [.50, .70] (A to C, trained naively)."
    assert further == ("No PGR can be given for 1 pair; the reasons are below.",)


def test_without_a_pgr_no_range_is_claimed() -> None:
    claim, further = summary([findings("A to C", state="saturated"), findings("B to C", state="inverted")])
    assert claim.text == "No PGR can be given for any of 2 pairs of models."
    assert further == ()
