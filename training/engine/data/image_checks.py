"""The checks of a data set of images: sizes, balance, trivial baselines, and the warnings that follow."""

import base64
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from training.catalog.check_report import Baseline, Counts, ImageReport, Lengths, Neighbours, Report, Sample
from training.engine.data.baselines import SAMPLE, Fit, baselines, trees
from training.engine.data.checks import EASY, SHOWN, drawn, warnings
from training.engine.data.image_mapping import Broken
from training.engine.data.image_rules import ROW_GROUP, Staged, groups_of, parts_of
from training.engine.data.near_images import near_images
from training.engine.data.rules import LARGEST_CLASS, OnProgress

MOST_CLASSES_OF_BASELINES = 50
"""Classes above which no baselines are trained: their time grows with the number of classes."""
PAIRS = 3
"""Pairs of near copies that the report shows."""
FITS: dict[str, Fit] = {
    "form": lambda numbers, label, held: trees(np.array([form for form, _ in numbers], np.float64), label, held),
    "colours": lambda numbers, label, held: trees(np.array([colours for _, colours in numbers], np.float64), label, held),
}


def check_images(
    path: Path, chosen: list[Staged], counts: Counts, classes: int, broken: Broken, on_progress: OnProgress = lambda *_: None
) -> Report:
    """Return the report on the data set of images in ``path``, whose rows are ``kept``."""
    label, group = np.array([each.label for each in chosen], np.int16), groups_of(chosen)
    sizes = np.unique(group, return_counts=True)[1]
    sampled, rows = drawn(len(chosen), SAMPLE), drawn(len(chosen), SHOWN)
    pictures = _pictures(path, rows)
    on_progress("baselines", 0, 1)
    results: tuple[Baseline, ...] = ()
    if classes <= MOST_CLASSES_OF_BASELINES:
        numbers = [(chosen[row].form, chosen[row].colours) for row in sampled]
        results = baselines(numbers, label[sampled], group[sampled], FITS)
    on_progress("baselines", 1, 1)
    report = Report(
        counts=counts,
        classes=tuple(np.bincount(label, minlength=classes).tolist()),
        images=_images(chosen, broken),
        parts=parts_of(chosen),
        groups=len(sizes),
        largest_group=int(sizes.max()),
        lengths=Lengths(edges=(), counts=(), median=()),
        neighbours=_neighbours(path, chosen, group),
        baselines=results,
        sampled=len(sampled),
        samples=tuple(_sample(chosen[row], pictures[int(row)]) for row in rows),
        warnings=(),
    )
    return report.model_copy(update={"warnings": (*filter(None, map(_shortcut, results)), *_broken(broken), *warnings(report))})


def _neighbours(path: Path, chosen: list[Staged], group: npt.NDArray[np.int64]) -> Neighbours:
    """Return the near copies across groups, the first of them with their names and thumbnails."""
    known = np.array([row for row, each in enumerate(chosen) if each.gradient is not None], np.int64)
    hashes = np.array([chosen[row].gradient for row in known], np.uint64)
    colours = np.array([chosen[row].colours for row in known], np.float32).reshape(len(known), -1)
    pairs = near_images(hashes, colours, group[known])
    rows = known[np.stack([pairs.first[:PAIRS], pairs.second[:PAIRS]], 1)]
    shown, pictures = rows.tolist(), _pictures(path, np.unique(rows))
    return Neighbours(
        compared=len(known),
        near=pairs.rows,
        examples=tuple((chosen[first].name, chosen[second].name) for first, second in shown),
        pictures=tuple((_address(pictures[first]), _address(pictures[second])) for first, second in shown),
    )


def _pictures(path: Path, rows: npt.NDArray[np.int64]) -> dict[int, bytes]:
    """Return the thumbnails of a few rows, or their images where these are small enough."""
    pictures = {}
    with pq.ParquetFile(path) as file:
        for row in rows.tolist():
            group, place = divmod(row, ROW_GROUP)
            table = file.read_row_group(group, columns=["image", "thumbnail"])
            pictures[row] = table["thumbnail"][place].as_py() or table["image"][place].as_py()
    return pictures


def _sample(each: Staged, picture: bytes) -> Sample:
    return Sample(texts=(each.name,), label=each.label, picture=_address(picture))


def _address(picture: bytes) -> str:
    """Return the address that contains a thumbnail."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _images(chosen: list[Staged], broken: Broken) -> ImageReport:
    def extent(values: list[int]) -> tuple[int, int, int]:
        return min(values), int(np.median(values)), max(values)

    return ImageReport(
        width=extent([each.width for each in chosen]),
        height=extent([each.height for each in chosen]),
        grey=sum(each.grey for each in chosen),
        reduced=sum(each.reduced for each in chosen),
        formats=dict(sorted(Counter(each.format for each in chosen).items())),
        broken=tuple(broken.sentences),
        bytes=sum(each.image + each.thumbnail for each in chosen),
    )


def _broken(broken: Broken) -> tuple[str, ...]:
    if not broken.number:
        return ()
    images = (
        "1 image that could not be read was" if broken.number == 1 else f"{broken.number:,} images that could not be read were"
    )
    return (f"{images} left out. {broken.sentences[0]}",)


def _shortcut(baseline: Baseline) -> str:
    score = f"is right on {baseline.accuracy:.0%} of {baseline.n:,} images of groups that it has not seen"
    if baseline.name == "colours":
        return f"A classifier that sees only the mean colour {score}: there is little to recover." if baseline.low > EASY else ""
    if baseline.low <= baseline.majority * LARGEST_CLASS:
        return ""
    return f"A classifier that sees only the size, format and mode of the file {score}: the label can be told without looking."
