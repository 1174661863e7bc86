"""Images of imported files: what is decoded and how it is stored, and a sentence for everything that is not."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.factories import images as made_images
from tests.factories.images import HOW, file_of, folder_of_classes, made, parquet, pixels, zipped
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import CHECKED_FILE
from training.command_output import CheckResult
from training.engine.data import image_decoding, image_folder
from training.engine.data.image_decoding import decoded, pixels_of
from training.engine.data.prepare import check_file
from training.engine.data.preview import preview
from training.engine.errors import CorruptData

PLAIN = Image.fromarray(pixels(0, 120))


def checked(path: Path, folder: Path, **how: object) -> CheckResult:
    return check_file(path, Mapping.model_validate(HOW | how), folder, lambda *_: None)


def test_a_zip_of_folders_becomes_rows_with_image_label_and_a_name_without_its_folder(tmp_path: Path) -> None:
    result = checked(folder_of_classes(tmp_path / "a.zip"), tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / CHECKED_FILE)
    assert result.report.classes == (60, 60)
    assert result.report.images is not None
    assert result.report.images.width == (12, 12, 12)
    assert set(table["text"].to_pylist()) == {f"{number}.png" for number in range(60)}
    dark = [np.asarray(pixels_of(row["image"])).mean() < 125 for row in table.to_pylist()]
    assert [not value for value in dark] == table["label"].to_numpy().astype(bool).tolist()


def test_a_parquet_file_as_datasets_writes_it_gives_the_same_rows_as_a_zip(tmp_path: Path) -> None:
    classes = [{"name": name, "values": [str(number)]} for number, name in enumerate(made_images.SHADES)]
    checked(folder_of_classes(tmp_path / "a.zip"), tmp_path / "zip")
    checked(parquet(tmp_path / "a.parquet"), tmp_path / "parquet", label="label", classes=classes)
    first, second = (pq.read_table(tmp_path / kind / CHECKED_FILE) for kind in ("zip", "parquet"))
    assert first.equals(second)


def test_the_preview_names_image_columns_and_the_classes_that_the_file_declares(tmp_path: Path) -> None:
    look = preview(parquet(tmp_path / "a.parquet", 3))
    assert [(column.name, column.type, column.names) for column in look.columns] == [
        ("image", "image", ()),
        ("label", "int64", ("dark", "light")),
    ]
    assert look.rows[0] == ("an image", "0")


def test_equal_pixels_are_copies_and_those_with_two_labels_are_left_out(tmp_path: Path) -> None:
    more = [("set/dark/again.bmp", made(0, 60, "BMP")), ("set/light/other.png", made(1, 60))]
    counts = checked(folder_of_classes(tmp_path / "a.zip", 70, more), tmp_path / "out").report.counts
    assert (counts.examples, counts.copies, counts.conflicts) == (142, 1, 2)


def test_the_file_does_not_depend_on_the_order_of_the_images(tmp_path: Path) -> None:
    entries = [(f"{folder}/{name}", content) for name, content, folder in made_images.rows()]
    first = checked(zipped(tmp_path / "a.zip", entries), tmp_path / "first")
    second = checked(zipped(tmp_path / "b.zip", entries[::-1]), tmp_path / "second")
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_format_of_pixels_is_read(kind: str) -> None:
    stored = decoded(file_of(PLAIN, kind), "a")
    assert (stored.width, stored.height, stored.format) == (12, 10, kind)


def test_an_image_is_turned_upright_by_its_exif_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    stored = decoded(file_of(PLAIN, "PNG", exif=exif), "a")
    np.testing.assert_array_equal(np.asarray(pixels_of(stored.image)), np.rot90(np.asarray(PLAIN), -1))


@pytest.mark.parametrize(
    ("mode", "stored_mode"),
    [("1", "L"), ("L", "L"), ("LA", "L"), ("P", "RGB"), ("RGB", "RGB"), ("RGBA", "RGB"), ("I;16", "L")],
)
def test_modes_are_stored_as_grey_or_rgb(mode: str, stored_mode: str) -> None:
    image = Image.fromarray(np.arange(120, dtype=np.uint16).reshape(10, 12) * 500) if mode == "I;16" else PLAIN.convert(mode)
    assert pixels_of(decoded(file_of(image), "a").image).mode == stored_mode


def test_cmyk_is_read_as_rgb_and_what_is_transparent_becomes_white() -> None:
    red = Image.new("RGB", (8, 8), (250, 5, 5)).convert("CMYK")
    assert pixels_of(decoded(file_of(red, "JPEG", quality=95), "a").image).getpixel((4, 4)) == pytest.approx((250, 5, 5), abs=8)
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert pixels_of(decoded(file_of(clear), "a").image).getpixel((4, 4)) == (255, 255, 255)


def test_one_pixel_and_forty_thousand_in_a_row_are_stored() -> None:
    assert (decoded(file_of(Image.new("RGB", (1, 1))), "a").width, decoded(file_of(Image.new("L", (1, 1))), "a").height) == (1, 1)
    wide = decoded(file_of(Image.new("RGB", (40_000, 20), (9, 9, 9))), "a")
    assert (wide.width, wide.reduced, pixels_of(wide.image).size) == (40_000, True, (2_048, 1))


def test_a_large_image_is_stored_smaller_and_has_a_thumbnail_without_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET PLACE"
    photo = file_of(Image.fromarray(pixels(1, 100, 900, 700)), "JPEG", exif=exif)
    stored = decoded(photo, "a")
    assert pixels_of(stored.image).size == (658, 512)
    assert stored.thumbnail is not None
    assert max(Image.open(io.BytesIO(stored.thumbnail)).size) == 128
    assert b"SECRET" not in stored.thumbnail + stored.image


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 pixels in some hundred bytes."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


FRAMES = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 100, 200)]
HOSTILE = {
    "bomb": (bomb(), "has more than 50,000,000 pixels"),
    "large": (file_of(Image.new("1", (8_000, 8_000))), "has 8,000 x 8,000 pixels, and at most 50,000,000"),
    "truncated": (file_of(Image.fromarray(pixels(0, 9, 200, 200)), "JPEG")[:900], "is damaged or cut short"),
    "half a PNG": (made(0, 60)[:200], "is damaged or cut short"),
    "SVG": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "is SVG, a drawing"),
    "HEIC": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "is HEIC, for which there is no decoder"),
    "AVIF": (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", "is AVIF, for which there is no decoder"),
    "PDF": (b"%PDF-1.7\n", "is PDF, a document"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is of a kind that cannot be read"),
    "text": (b"hello", "is of a kind that cannot be read"),
    "empty": (b"", "is empty"),
    "animated GIF": (file_of(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "is animated or has several pages"),
    "animated WebP": (file_of(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "is animated or has several pages"),
    "pages of a TIFF": (file_of(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]), "is animated or has several pages"),
    "numbers": (file_of(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "has numbers of 32 bits"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_is_refused_by_a_sentence_with_its_name(name: str) -> None:
    content, sentence = HOSTILE[name]
    with pytest.raises(CorruptData, match=f"The image “here.png” {sentence}"):
        decoded(content, "here.png")


def test_the_first_broken_image_refuses_a_file_unless_they_are_left_out_and_named(tmp_path: Path) -> None:
    path = folder_of_classes(tmp_path / "a.zip", more=[("set/dark/cut.png", made(0, 60)[:99]), ("set/dark/d.svg", b"<svg/>")])
    with pytest.raises(CorruptData, match=r"The image “set/dark/cut.png” is damaged"):
        checked(path, tmp_path / "out")
    report = checked(path, tmp_path / "out", skip_broken=True).report
    assert report.counts.skipped == 2
    assert report.images is not None
    assert [sentence[:30] for sentence in report.images.broken] == [
        "The image “set/dark/cut.png” i",
        "The image “set/dark/d.svg” is ",
    ]
    assert report.warnings[-2].startswith("2 images that could not be read were left out. The image “set/dark/cut.png”")


def test_what_systems_leave_in_folders_is_passed_over(tmp_path: Path) -> None:
    left = [("__MACOSX/set/dark/._1.png", b"x"), ("set/dark/.DS_Store", b"x"), ("set/light/Thumbs.db", b"x")]
    assert checked(folder_of_classes(tmp_path / "a.zip", more=left), tmp_path / "out").report.counts.read == 120


def test_a_zip_is_bounded_before_anything_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder_of_classes(tmp_path / "a.zip")
    for name, value, sentence in (
        ("MOST_IMAGES", 119, r"The zip has 120 files, and at most 119 images"),
        ("LARGEST_UNPACKED", 1000, r"The zip unpacks to"),
        ("LARGEST_FILE", 10, r"“set/dark/0.png” unpacks to"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(image_folder, name, value)
            with pytest.raises(CorruptData, match=sentence):
                preview(path)
    monkeypatch.setattr(image_decoding, "LARGEST_FILE", 10)
    with pytest.raises(CorruptData, match="MB, and at most"):
        decoded(made(0, 60), "a")


def test_a_damaged_or_empty_zip_is_refused_by_a_sentence(tmp_path: Path) -> None:
    whole = folder_of_classes(tmp_path / "a.zip")
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(CorruptData, match="The zip cannot be read: "):
        preview(tmp_path / "cut.zip")
    content = bytearray(whole.read_bytes())
    content[60:90] = bytes(30)
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(CorruptData, match=r"“set/dark/0.png” in the zip cannot be unpacked|“set/dark/0.png”"):
        checked(tmp_path / "bad.zip", tmp_path / "out")
    with pytest.raises(CorruptData, match="The zip has no files"):
        preview(zipped(tmp_path / "none.zip", []))


def test_a_path_without_an_image_is_named_by_its_row(tmp_path: Path) -> None:
    table = pq.read_table(parquet(tmp_path / "a.parquet", 2)).to_pylist()
    table[2]["image"] = {"bytes": None, "path": "elsewhere.png"}
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(table), tmp_path / "b.parquet")
    classes = [{"name": "dark", "values": ["0"]}, {"name": "light", "values": ["1"]}]
    with pytest.raises(CorruptData, match="Row 3, column “image”: there should be an image, and there is only the path"):
        checked(tmp_path / "b.parquet", tmp_path / "out", label="label", classes=classes)
