"""Made images, and files of them to import."""

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from training.catalog import library
from training.catalog.check_report import ImageReport, Lengths, Neighbours, Report
from training.engine.data.image_decoding import decoded
from training.engine.data.image_mapping import LabelledImage
from training.engine.data.image_rules import apply_image_rules
from training.storage.checksums import digest

SHADES = {"dark": 60, "light": 190}
CLASSES = [{"name": name, "values": [name]} for name in SHADES]
HOW = {"kind": "image", "image": "image", "label": "folder", "classes": CLASSES}


def pixels(number: int, shade: int, width: int = 12, height: int = 10) -> np.ndarray:
    """Noise (height, width, 3) around a shade, equal for equal numbers."""
    draw = np.random.default_rng([number, shade])
    return np.clip(draw.normal(shade, 25, (height, width, 3)), 0, 255).astype(np.uint8)


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def made(number: int, shade: int, kind: str = "PNG") -> bytes:
    return file_of(Image.fromarray(pixels(number, shade)), kind)


def rows(of_class: int = 60) -> list[tuple[str, bytes, str]]:
    """Name, file and class of balanced images."""
    return [(f"{number}.png", made(number, shade), name) for name, shade in SHADES.items() for number in range(of_class)]


def zipped(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def folder_of_classes(path: Path, of_class: int = 60, more: list[tuple[str, bytes]] | None = None) -> Path:
    return zipped(path, [(f"set/{folder}/{name}", content) for name, content, folder in rows(of_class)] + (more or []))


def parquet(path: Path, of_class: int = 60) -> Path:
    """A Parquet file with an Image and a ClassLabel column, as the package datasets writes it."""
    listed, names = rows(of_class), list(SHADES)
    image = pa.array([{"bytes": content, "path": name} for name, content, _ in listed])
    label = pa.array([names.index(folder) for _, _, folder in listed], pa.int64())
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    described = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(pa.table({"image": image, "label": label}).replace_schema_metadata(described), path)
    return path


def in_library(folder: Path, of_class: int = 310, name: str = "shades") -> str:
    """Add a data set of made images to the library, without its checks, and return its name."""
    path, names = folder / f"{name}.parquet", list(SHADES)
    labelled = [LabelledImage(each, names.index(of), "", decoded(content, each)) for each, content, of in rows(of_class)]
    counts, chosen = apply_image_rules(labelled, path, len(SHADES))
    report = Report(
        counts=counts,
        classes=(of_class, of_class),
        images=ImageReport(width=(12, 12, 12), height=(10, 10, 10), grey=0, reduced=0, formats={"PNG": len(chosen)}, bytes=1),
        groups=len(chosen),
        largest_group=1,
        lengths=Lengths(edges=(), counts=(), median=()),
        neighbours=Neighbours(compared=0, near=0),
        baselines=(),
        sampled=0,
        samples=(),
        warnings=(),
    )
    described = {"title": "Shades", "source": "made", "licence": "MIT", "citation": "none", "group": "the same pixels"}
    card = library.Card(
        name=name,
        rows=len(chosen),
        fingerprint=digest(path),
        classes=tuple(names),
        report=report,
        made=datetime.now(UTC),
        **described,
    )
    library.put(card, path)
    return name
