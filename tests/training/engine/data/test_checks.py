"""The checks: each kind of leak is planted and found, and harmless data warns of nothing."""

import random
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.factories.datasets import (
    checked,
    copied_over,
    harmless,
    letter_or_text,
    long_and_short,
    longer_preferred,
    sentence,
)
from training import catalog
from training.catalog.check_report import Counts, Report
from training.engine.data import checks, near_copies
from training.engine.data.checks import check
from training.engine.data.families.example import Example


def test_harmless_data_warns_of_nothing(tmp_path: Path) -> None:
    report = checked(tmp_path, harmless())
    assert report.warnings == ()
    assert [baseline.name for baseline in report.baselines] == ["length", "form", "words"]
    assert all(baseline.low < 0.55 for baseline in report.baselines)
    assert all(baseline.n == 600 for baseline in report.baselines)


def test_labels_that_length_gives_away_are_found(tmp_path: Path) -> None:
    report = checked(tmp_path, long_and_short())
    assert any("sees only the length of a text is right on" in warning for warning in report.warnings)
    assert not any("sees only the form" in warning for warning in report.warnings)  # which says nothing of length
    assert report.lengths.median[1] - report.lengths.median[0] == pytest.approx(15, abs=2)
    assert sum(report.lengths.counts[1]) == report.classes[1]


def test_of_three_classes_each_has_lengths_and_a_shortcut_is_what_beats_a_third(tmp_path: Path) -> None:
    draw = random.Random(4)
    labels = [draw.randrange(3) for _ in range(1500)]
    given = [
        Example(sentence(draw, draw.randint(8, 30) + 8 * (label == 2)), label, f"group {n}") for n, label in enumerate(labels)
    ]
    report = checked(tmp_path, given, classes=3)
    assert len(report.classes) == len(report.lengths.median) == 3
    assert [sum(side) for side in report.lengths.counts] == list(report.classes)
    length = report.baselines[0]
    assert 1 / 3 < length.majority < length.low < 0.55  # of two classes this would be no shortcut
    assert any("sees only the length of a text is right on" in warning for warning in report.warnings)
    none = [Example(sentence(draw, draw.randint(8, 30)), n % 3, f"group {n}") for n in range(1500)]
    assert checked(tmp_path, none, classes=3).warnings == ()


def test_preferences_that_length_gives_away_are_found_and_others_warn_of_nothing(tmp_path: Path) -> None:
    report = checked(tmp_path, longer_preferred(15))
    assert report.texts == 2
    assert any("sees only the length of a text is right on" in warning for warning in report.warnings)
    assert report.lengths.median[1] - report.lengths.median[0] == pytest.approx(15, abs=2)  # preferred less rejected
    assert [sum(side) for side in report.lengths.counts] == [report.counts.kept] * 2
    assert checked(tmp_path, longer_preferred(0)).warnings == ()


def test_labels_that_the_form_of_the_answer_gives_away_are_found(tmp_path: Path) -> None:
    report = checked(tmp_path, letter_or_text())
    form = next(baseline for baseline in report.baselines if baseline.name == "form")
    assert form.accuracy > 0.95
    assert any("sees only the form of a text" in warning for warning in report.warnings)


def test_near_copies_in_other_groups_are_found_with_their_texts(tmp_path: Path) -> None:
    report = checked(tmp_path, copied_over())
    assert 114 <= report.neighbours.near <= 120  # an estimate from sketches: a few of 60 pairs may be missed
    assert any("nearly the same as a text of another group" in warning for warning in report.warnings)
    rows, other = report.neighbours.examples[0]
    assert rows.lower().split()[:8] == other.lower().split()[:8]


def test_near_copies_in_one_group_are_nothing_to_warn_of(tmp_path: Path) -> None:
    together = [Example(row.text, row.label, row.group.removeprefix("other ")) for row in copied_over()]
    assert checked(tmp_path, together).neighbours.near == 0


def test_a_template_that_all_texts_share_makes_no_near_copies(tmp_path: Path) -> None:
    template = "Read this with care and then say at the end of it all whether it is so or whether it is not so, please: "
    given = [Example(template + row.text, row.label, row.group) for row in harmless()]
    assert checked(tmp_path, given).neighbours.near == 0


def test_short_texts_are_near_when_their_words_are_the_same(tmp_path: Path) -> None:
    texts = [text for n in range(60) for text in (f"Well done {n}!", f"well  done, {n}")]
    report = checked(tmp_path, [Example(text, n // 2 % 2, f"group {n}") for n, text in enumerate(texts)])
    assert report.neighbours.near == 120


def test_sketches_estimate_the_share_of_grams_in_common() -> None:
    draw = np.random.default_rng(0)
    base = draw.integers(0, 10**6, (400, 200)).astype(str)
    changed = base.copy()
    changed[:, 100:] = draw.integers(0, 10**6, (400, 100)).astype(str)
    none = np.zeros(0, np.uint64)
    first, two = (near_copies.sketches([" ".join(row) for row in rows], none) for rows in (base, changed))
    assert near_copies.shared(first, first).tolist() == [1.0] * 400
    # 196 grams each, 96 of them in common: 96 / 296.
    assert near_copies.shared(first, two).mean() == pytest.approx(96 / 296, abs=0.02)


def test_a_larger_data_set_is_compared_in_part_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "COMPARED", 500)
    monkeypatch.setattr(checks, "SAMPLE", 400)
    report = checked(tmp_path, harmless())
    assert (report.neighbours.compared, report.sampled) == (500, 400)


def test_the_same_data_set_has_the_same_report(tmp_path: Path) -> None:
    first, other = (checked(tmp_path, letter_or_text()) for _ in range(2))
    assert first == other


def test_a_few_rows_are_checked_as_far_as_they_can_be(tmp_path: Path) -> None:
    report = checked(tmp_path, harmless(20))
    assert report.baselines == ()
    assert report.warnings == (f"There are only {report.counts.kept} rows: expect wide intervals.",)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"copies": 150}, "were copies and were left out"), ({"conflicts": 20}, "texts with several labels and were left out")],
)
def test_many_copies_and_conflicts_are_said(tmp_path: Path, change: dict[str, int], words: str) -> None:
    report = checked(tmp_path, harmless())
    counts = report.counts.model_copy(update=change)
    assert words in checks.warnings(report.model_copy(update={"counts": counts}))[0]


def test_a_group_that_is_a_large_part_of_all_rows_is_said(tmp_path: Path) -> None:
    given = [Example(row.text, row.label, "large" if n % 5 == 0 else row.group) for n, row in enumerate(harmless())]
    assert any("The largest of 1,201 groups has 20% of the rows" in warning for warning in checked(tmp_path, given).warnings)


def test_the_report_of_the_embedded_data_set_is_what_the_checks_find() -> None:
    entry = catalog.dataset("movie-reviews")
    with pq.ParquetFile(entry.path) as file:
        rows = file.metadata.num_rows
    counts = Counts(read=rows, examples=rows, copies=0, conflicts=0, unequal=0, unbalanced=0, kept=rows)
    report = check(entry.path, counts)
    assert entry.report is not None
    same = ("classes", "groups", "largest_group", "lengths", "neighbours", "samples", "warnings")
    for name in same:
        assert getattr(report, name) == getattr(entry.report, name), name
    for baseline, stored in zip(report.baselines, entry.report.baselines, strict=True):
        assert baseline.accuracy == pytest.approx(stored.accuracy, abs=0.01)


def test_a_report_survives_its_json(tmp_path: Path) -> None:
    report = checked(tmp_path, copied_over())
    assert Report.model_validate_json(report.model_dump_json()) == report
