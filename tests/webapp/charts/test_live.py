"""The live chart starts empty, has its final length, and gives every series of a pair its panel and style."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from tests.factories.result_groups import PAIR, colours, strings
from training.spec import MOST_SEEDS
from webapp.charts.live import Series, live_chart
from webapp.charts.print_theme import on_paper


def find(spec: Any, key: str) -> list[Any]:
    if isinstance(spec, dict):
        return ([spec[key]] if key in spec else []) + [part for value in spec.values() for part in find(value, key)]
    return [part for value in spec for part in find(value, key)] if isinstance(spec, list) else []


def test_it_is_valid_and_has_no_rows_of_its_own() -> None:
    spec = live_chart(PAIR, 1000)
    assert spec["data"] == {"name": "live"}
    assert "datasets" not in spec


def test_panels_are_accuracy_agreement_and_loss() -> None:
    agreement = [f"Agreement with the supervisor where it is {half}" for half in ("right", "wrong")]
    assert titles(live_chart(PAIR, 1000)) == ["Test accuracy", *agreement, "Training loss"]


def test_where_a_method_weighs_the_students_own_view_its_weight_and_threshold_are_on_the_same_axis() -> None:
    own = [*PAIR[:2], replace(PAIR[2], own=("weight", "threshold")), PAIR[3]]
    panels = live_chart(own, 1000)["vconcat"]
    assert titles({"vconcat": panels[-2:]}) == ["Weight of the student’s own view", "Threshold of its guess"]
    assert "weight" in strings(panels[-2])
    assert "threshold" in strings(panels[-1])
    axes = [x["scale"]["domain"] for x in find(panels, "x") if "scale" in x]
    assert all(domain == [0, 1000] for domain in axes)


def test_a_panel_without_anything_to_draw_is_left_out() -> None:
    """A guess among four classes has no threshold; its panel was empty before."""
    own = [*PAIR[:2], replace(PAIR[2], own=("weight",)), PAIR[3]]
    assert titles(live_chart(own, 1000))[-2:] == ["Training loss", "Weight of the student’s own view"]


def test_shares_and_their_bands_are_within_their_limits() -> None:
    for panel in live_chart([*PAIR, replace(PAIR[1], id="m", own=("weight",))], 1000)["vconcat"]:
        [low] = {transform["calculate"] for transform in find_transforms(panel) if transform.get("as") == "low"}
        [high] = {transform["calculate"] for transform in find_transforms(panel) if transform.get("as") == "high"}
        bounded = panel["title"]["text"] != "Training loss"
        assert ("max(0.0, " in low, "min(1.0, " in high) == (bounded, bounded)


METRICS = ("accuracy", "agreement_right", "agreement_wrong", "loss", "weight")


DRAW_ALL = """
import json, sys, vl_convert
print(json.dumps([vl_convert.vegalite_to_svg(spec) for spec in json.load(sys.stdin)]))
"""


def test_names_of_lines_never_stand_on_each_other() -> None:
    """Names of two to twelve methods whose curves end at one point or near each other; drawn by one process."""
    numbers = [(number, apart) for number in (2, 3, 5, 8, 12) for apart in (0.0, 0.004)]
    sent = json.dumps([crowded(*case) for case in numbers])
    drawn = json.loads(
        subprocess.run([sys.executable, "-c", DRAW_ALL], input=sent, capture_output=True, check=True, text=True).stdout
    )
    for (number, _), picture in zip(numbers, drawn, strict=True):
        names = [text for text in texts(fromstring(picture)) if re.match("Method|Weak|Ceiling", text[2])]
        assert len(names) >= 5 * number + 2
        assert len({x for x, _, _ in names}) == 1
        places = sorted(y for _, y, _ in names)
        assert min(after - before for before, after in pairwise(places)) >= 13.9


def crowded(number: int, apart: float) -> dict[str, Any]:
    """Return the chart of ``number`` methods, whose curves end ``apart`` from each other."""
    methods = [Series(f"m{index}", "student", f"Method {index}", 100, "naive", own=("weight",)) for index in range(number)]
    series = [replace(PAIR[0], steps=100), *methods, replace(PAIR[3], steps=100)]
    rows = [
        {"run": place, "series": line.id, "seed": 0, "total": 100, "step": step, "metric": metric, "value": 0.9 - apart * place}
        for place, line in enumerate(series)
        for step in (0, 40, 100 if place % 3 else 40)
        for metric in METRICS
        if line.role == "student" or metric in ("accuracy", "loss")
    ]
    return on_paper(live_chart(series, 100), rows)


def texts(element: Element, x: float = 0, y: float = 0) -> Iterator[tuple[float, float, str]]:
    """Return every text with its position."""
    moved = re.match(r"translate\(([-\d.e]+),\s*([-\d.e]+)\)", element.get("transform", ""))
    x, y = (x + float(moved[1]), y + float(moved[2])) if moved else (x, y)
    if element.text and element.tag.endswith("text"):
        yield x, y, element.text
    for child in element:
        yield from texts(child, x, y)


def titles(spec: dict[str, Any]) -> list[str]:
    return [panel["title"]["text"] for panel in spec["vconcat"]]


def find_transforms(panel: dict[str, Any]) -> list[dict[str, Any]]:
    return [transform for transforms in find(panel, "transform") for transform in transforms]


def test_a_run_that_learns_texts_has_a_loss_alone() -> None:
    (panel,) = live_chart([Series("run", "student", "Texts first", 10, reads=True)], 10)["vconcat"]
    assert panel["title"]["text"] == "Training loss"


def test_every_x_axis_has_its_final_length_from_the_start() -> None:
    axes = [x["scale"]["domain"] for x in find(live_chart(PAIR, 730), "x") if "scale" in x]
    assert len(axes) >= 9
    assert all(domain == [0, 730] for domain in axes)


def test_colours_are_roles_and_tokens_only() -> None:
    names = colours(live_chart(PAIR, 1000))
    assert all(colour.startswith("var(--") for colour in names)
    assert {"var(--weak)", "var(--naive)", "var(--conf)", "var(--strong)"} <= names


def test_every_series_is_in_every_scale() -> None:
    domains = [scale["domain"] for scale in find(live_chart(PAIR, 1000), "scale") if "range" in scale]
    assert domains
    assert all(domain == [line.id for line in PAIR] for domain in domains)


def test_the_description_names_every_series() -> None:
    assert live_chart(PAIR, 1000)["description"].endswith("Weak, Naive, Confidence, Ceiling")


def test_titles_are_data_and_cannot_end_an_expression() -> None:
    spec = live_chart([Series("student:0", "student", 'O\'Neill "x" \\', 10, "naive")], 10)
    assert any('"O\'Neill \\"x\\" \\\\"' in text for text in strings(spec))


def test_without_a_student_there_is_no_panel_of_agreement() -> None:
    spec = live_chart([Series("run", "ceiling", "Ceiling", 10)], 10)
    assert titles(spec) == ["Test accuracy", "Training loss"]
    assert spec["description"] == "Test accuracy and training loss over training steps: Ceiling"


def test_the_margin_fits_the_longest_name() -> None:
    short, long = (live_chart([Series("run", "student", title, 10)], 10)["usermeta"]["margin"] for title in ("Naive", "N" * 30))
    assert short == {"wide": 158, "narrow": 136}
    assert long["wide"] > 200
    assert long["narrow"] == 164  # a longer name is cut there, so that a phone keeps room for the curves


def test_the_curve_of_a_run_by_itself_does_not_become_a_level() -> None:
    alone, pair = (strings(live_chart(series, 1000)) for series in ([PAIR[3]], PAIR))
    assert "datum.role != 'student' && datum.finished" in pair
    assert "datum.role != 'student' && datum.finished" not in alone


def test_the_chart_speaks_of_a_mean_over_seeds_where_there_are_several() -> None:
    single, five = (strings(live_chart(PAIR, 1000, seeds)) for seeds in (1, 5))
    assert any("mean over seeds" in text for text in five)
    assert not any("mean over seeds" in text for text in single)


def test_the_band_is_the_t_interval_of_a_mean_over_its_seeds() -> None:
    """The factor is 2.776 standard errors for five seeds and 12.706 for two, as in any table of Student's t."""
    [half] = {match[1] for text in strings(live_chart(PAIR, 1000)) if (match := re.search(r"datum\.error \* (\[.*?\])\[", text))}
    factors = json.loads(half)
    assert len(factors) == MOST_SEEDS - 1
    assert (round(factors[0], 3), round(factors[3], 3)) == (12.706, 2.776)


def test_finished_seeds_are_lines_of_their_own_on_demand() -> None:
    spec = live_chart(PAIR, 1000)
    assert {"name": "each", "value": False} in spec["params"]
    assert "!datum.finished || each && datum.role == 'student'" in strings(spec)


def test_a_seed_is_measured_by_its_own_length_since_halves_are_of_unequal_size() -> None:
    said = strings(live_chart(PAIR, 1000))
    assert "round(datum.step / datum.total * 100)" in said
    assert "datum.reached >= datum.total" in said
