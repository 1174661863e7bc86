from itertools import pairwise
from xml.etree.ElementTree import fromstring

from training.catalog.check_report import Lengths
from webapp.charts.text_lengths import lengths_chart, short

SVG = Lengths(edges=(0, 5, 10, 20), counts=((10, 40, 0, 0), (20, 0, 0, 0)), median=(6.0, 3.0))


def test_bars_are_as_high_as_their_classes_are_many_and_empty_bins_at_the_end_are_left_out() -> None:
    image = fromstring(lengths_chart(SVG, ("no", "yes")))
    heights = [(bar.get("fill-opacity"), float(bar.get("height") or 0)) for bar in image.iter("rect")]
    assert [name for name, _ in heights] == ["0.00", "1.00", "0.00", "1.00"]
    tallest = heights[2][1]
    assert [round(height / tallest, 2) for _, height in heights] == [0.25, 0.5, 1, 0]


def test_bars_of_many_classes_are_narrower_and_do_not_overlap() -> None:
    counts = tuple((number, 1, 0, 0) for number in range(1, 21))
    image = fromstring(lengths_chart(Lengths(edges=SVG.edges, counts=counts, median=(3.0,) * 20), tuple("abcdefghijklmnopqrst")))
    ends = [(float(bar.get("x") or 0), float(bar.get("width") or 0)) for bar in image.iter("rect")]
    assert len(ends) == 40
    assert all(x + width < following for (x, width), (following, _) in pairwise(ends))
    assert ends[-1][0] + ends[-1][1] < float(image.get("width") or 0)


def test_it_says_in_words_what_it_shows() -> None:
    image = fromstring(lengths_chart(SVG, ("no", "yes")))
    assert image.get("aria-label") == "Words in a text, no: median 6; yes: median 3"
    assert next(title.text for title in image.iter("title")) == "no: 10 texts of 0–4 words"


def test_large_numbers_are_short() -> None:
    assert [short(number) for number in (0, 950, 1234, 12_345)] == ["", "950", "1.2k", "12k"]
