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
from webapp.charts.picture_files import script
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
    assert "weight:mean" in strings(panels[-2])
    assert "threshold:mean" in strings(panels[-1])
    assert all(domain == ENDS for domain in axes(panels))


def test_a_panel_without_anything_to_draw_is_left_out() -> None:
    """A guess among four classes has no threshold; its panel was empty before."""
    own = [*PAIR[:2], replace(PAIR[2], own=("weight",)), PAIR[3]]
    assert titles(live_chart(own, 1000))[-2:] == ["Training loss", "Weight of the student’s own view"]


def test_the_script_is_told_the_limits_of_a_metric() -> None:
    panels = live_chart([*PAIR, replace(PAIR[1], id="m", own=("weight",))], 1000)["usermeta"]["curves"]["panels"]
    assert {panel["metric"]: panel["limits"] for panel in panels} == {
        "accuracy": [0, 1],
        "agreement_right": [0, 1],
        "agreement_wrong": [0, 1],
        "loss": None,
        "weight": [0, 1],
    }


METRICS = ("accuracy", "agreement_right", "agreement_wrong", "loss", "weight")


DRAW_ALL = """
import json, sys, vl_convert
from webapp.charts.picture_files import with_rows
print(json.dumps([vl_convert.vegalite_to_svg(with_rows(spec)) for spec in json.load(sys.stdin)]))
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


ENDS = [{"expr": "xmin"}, {"expr": "xmax"}]


def axes(spec: Any) -> list[Any]:
    return [x["scale"]["domain"] for x in find(spec, "x") if "scale" in x]


def test_every_x_axis_has_its_final_length_from_the_start() -> None:
    spec = live_chart(PAIR, 730)
    assert len(axes(spec)) >= 9
    assert all(domain == ENDS for domain in axes(spec))
    assert {param["name"]: param["value"] for param in spec["params"]}["xmax"] == 730


def test_colours_are_roles_and_tokens_only() -> None:
    names = colours(live_chart(PAIR, 1000))
    assert all(colour.startswith("var(--") for colour in names)
    assert {"var(--weak)", "var(--naive)", "var(--conf)", "var(--strong)"} <= names


def test_every_series_is_in_every_scale() -> None:
    panels = live_chart(PAIR, 1000)["vconcat"]
    channels = [channel for name in ("stroke", "fill", "strokeDash") for channel in find(panels, name)]
    domains = [channel["scale"]["domain"] for channel in channels if "scale" in channel]
    assert len(domains) > 20
    assert all(domain == [line.id for line in PAIR] for domain in domains)


def test_the_description_names_every_series() -> None:
    assert live_chart(PAIR, 1000)["description"].endswith("Weak, Naive, Confidence, Ceiling")


def test_titles_are_data_and_no_part_of_an_expression() -> None:
    spec = live_chart([Series("student:0", "student", 'O\'Neill "x" \\', 10, "naive")], 10)
    assert not any("O'Neill" in text for text in strings(spec["vconcat"]))
    assert spec["usermeta"]["curves"]["series"][0]["title"] == 'O\'Neill "x" \\'


def test_without_a_student_there_is_no_panel_of_agreement() -> None:
    spec = live_chart([Series("run", "ceiling", "Ceiling", 10)], 10)
    assert titles(spec) == ["Test accuracy", "Training loss"]
    assert spec["description"] == "Test accuracy and training loss over training steps: Ceiling"


def test_the_margin_fits_the_longest_name() -> None:
    short, long = (live_chart([Series("run", "student", title, 10)], 10)["usermeta"]["margin"] for title in ("Naive", "N" * 30))
    assert short == {"wide": 158, "narrow": 136}
    assert long["wide"] > 200
    assert long["narrow"] == 180  # a longer name is cut there, so that a phone keeps room for the curves


def test_the_chart_speaks_of_a_mean_over_seeds_where_there_are_several() -> None:
    single, five = (strings(live_chart(PAIR, 1000, seeds)) for seeds in (1, 5))
    assert any("mean over seeds" in text for text in five)
    assert not any("mean over seeds" in text for text in single)


def test_the_script_is_told_half_the_width_of_the_t_interval() -> None:
    """2.776 standard errors for five seeds and 12.706 for two, as in any table of Student's t."""
    half = live_chart(PAIR, 1000)["usermeta"]["curves"]["half"]
    assert len(half) == MOST_SEEDS - 1
    assert (round(half[0], 3), round(half[3], 3)) == (12.706, 2.776)


def test_the_layers_of_a_panel_are_those_that_the_script_fills() -> None:
    layers = {name for panel in live_chart(PAIR, 1000)["vconcat"] for data in find(panel, "data") for name in [data["name"]]}
    filled = json.loads(script()("JSON.stringify(curves.LAYERS)"))
    assert layers == {f"{metric}:{layer}" for metric in METRICS[:4] for layer in filled}
