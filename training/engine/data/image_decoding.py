"""Images as a data set stores them: decoded within bounds, upright, grey or RGB, with small copies for pages.

Pillow decodes. Only formats of pixels are tried, so that no program and no decoder of documents ever sees a file, and width and
height are read from the header before a pixel is decoded.
"""

import hashlib
import io
import re
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from training.engine.data.near_images import difference_hash
from training.engine.errors import CorruptData

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SEVERAL = "MPO"
"""The format of a JPEG with further pictures behind the first, as telephones write; they are passed over."""
READABLE = "PNG, JPEG, WebP, GIF, BMP and TIFF"
LARGEST_PIXELS = 50_000_000
LARGEST_FILE = 2**26
"""Largest number of bytes of the file of one image."""
STORED_SIDE, LONGEST_SIDE = 512, 2048
"""An image is stored with a shorter side of at most 512 pixels and a longer one of at most 2,048."""
THUMBNAIL_SIDE = 128
BYTES_OF_A_PIXEL = 3
"""A JPEG file with more bytes for each pixel is written anew, since it has something besides its pixels."""

SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
TRANSPARENT = {"RGBA", "RGBa", "LA", "La", "PA"}
DEEP = {"I;16", "I;16L", "I;16B", "I;16N"}
"""Modes of 16 bits a pixel, which are reduced to 8."""


@dataclass(frozen=True)
class Decoded:
    """An image as it is stored: the bytes of a PNG, or of the JPEG file as it was, and a thumbnail.

    ``thumbnail`` is None where the image is small enough itself. ``digest`` is the SHA-256 of mode, size and pixels. ``width``
    and ``height`` are those of the upright image before it was made smaller; ``form`` are numbers about the file, ``colours`` the
    mean and standard deviation of red, green and blue from 0 to 1.
    """

    image: bytes
    thumbnail: bytes | None
    digest: bytes
    width: int
    height: int
    grey: bool
    reduced: bool
    format: str
    form: tuple[float, ...]
    colours: tuple[float, ...]
    gradient: int | None
    """The difference hash, None for an image with too little in it (``near_images``)."""


def begins_like_an_image(content: bytes) -> bool:
    """Return whether the bytes begin as a file of pixels does."""
    return content.startswith(SIGNATURES) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")


def decoded(content: bytes, name: str) -> Decoded:
    """Return the image in the bytes of a file. Raises CorruptData, which names it, for everything that cannot be stored."""
    opened, plain = _opened(content, name)
    width, height = plain.size
    format = "JPEG" if opened.format == SEVERAL else str(opened.format)
    stored = _reduced(plain)
    keeps = (
        opened.format == "JPEG"
        and len(content) <= BYTES_OF_A_PIXEL * width * height + 2**12
        and (stored.mode, stored.size) == (opened.mode, opened.size)
        and stored.tobytes() == opened.tobytes()
    )
    image = content if keeps else _written(stored, "PNG")
    pixels = np.asarray(stored.convert("RGB"), np.float32).reshape(-1, 3) / 255
    return Decoded(
        image=image,
        thumbnail=None if max(stored.size) <= THUMBNAIL_SIDE and not keeps else _thumbnail(stored),
        digest=hashlib.sha256(f"{stored.mode} {stored.size}".encode() + stored.tobytes()).digest(),
        width=width,
        height=height,
        grey=stored.mode == "L",
        reduced=stored.size != plain.size,
        format=format,
        form=_form(width, height, format, opened.mode),
        colours=tuple(float(value) for value in (*pixels.mean(0), *pixels.std(0))),
        gradient=difference_hash(stored),
    )


def pixels_of(image: bytes) -> Image.Image:
    """Return a stored image, grey or RGB, for a model that reads it."""
    return Image.open(io.BytesIO(image), formats=("PNG", "JPEG"))


def _opened(content: bytes, name: str) -> tuple[Image.Image, Image.Image]:
    """Return the image as its file has it, and upright in grey or RGB. Raises CorruptData."""
    if not content:
        raise CorruptData(f"The image “{name}” is empty.")
    if len(content) > LARGEST_FILE:
        raise CorruptData(
            f"The image “{name}” has {len(content) / 2**20:.0f} MB, and at most {LARGEST_FILE // 2**20} can be read."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here, and about metadata, which is not kept
            opened = Image.open(io.BytesIO(content), formats=FORMATS)
            width, height = opened.size
            if width * height > LARGEST_PIXELS:
                raise CorruptData(
                    f"The image “{name}” has {width:,} x {height:,} pixels, and at most {LARGEST_PIXELS:,} can be read."
                )
            if opened.format != SEVERAL and getattr(opened, "is_animated", False):
                raise CorruptData(f"The image “{name}” is animated or has several pages ({opened.format}): save one as an image.")
            opened.load()
            return opened, _plain(ImageOps.exif_transpose(opened), name)
    except CorruptData:
        raise
    except Image.DecompressionBombError:
        raise CorruptData(f"The image “{name}” has more than {LARGEST_PIXELS:,} pixels, the most that can be read.") from None
    except UnidentifiedImageError:
        raise CorruptData(f"The image “{name}” {_kind(content)}.") from None
    except Exception as error:  # decoders of damaged files raise errors of many classes
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CorruptData(f"The image “{name}” is damaged or cut short: {reason}.") from None


def _kind(content: bytes) -> str:
    """Return a description of a file that is no image of pixels."""
    head = content[:1024].lstrip().lower()
    if b"<svg" in head:
        return "is SVG, a drawing and no image of pixels: save it as PNG"
    brand = content[8:12] if content[4:8] == b"ftyp" else b""
    if brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return "is HEIC, for which there is no decoder here: save it as JPEG or PNG"
    if brand in (b"avif", b"avis"):
        return "is AVIF, for which there is no decoder here: save it as JPEG or PNG"
    if head.startswith(b"%pdf"):
        return "is PDF, a document: save its picture as PNG"
    if begins_like_an_image(content):
        return "is damaged: its header cannot be read"
    return f"is of a kind that cannot be read. There are: {READABLE}"


def _plain(image: Image.Image, name: str) -> Image.Image:
    """Return the image as grey or RGB; what shows through is white. Raises CorruptData for pixels without a colour."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in DEEP:
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("F", "I"):
        raise CorruptData(f"The image “{name}” has numbers of 32 bits as pixels: save it with 8 or 16 bits.")
    if image.mode in TRANSPARENT or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        composed = Image.alpha_composite(white, layer).convert("RGB")
        return composed.convert("L") if image.mode in ("LA", "La") else composed
    return image.convert("RGB")


def _reduced(image: Image.Image) -> Image.Image:
    width, height = image.size
    factor = min(1.0, STORED_SIDE / min(width, height), LONGEST_SIDE / max(width, height))
    if factor == 1:
        return image
    return image.resize((max(1, round(width * factor)), max(1, round(height * factor))), Image.Resampling.LANCZOS)


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX if min(image.size) < 8 else Image.Resampling.LANCZOS)
    return _written(small, "JPEG")


def _written(image: Image.Image, format: str) -> bytes:
    """Return the bytes of a new file, which has pixels and nothing else."""
    file, bare = io.BytesIO(), Image.new(image.mode, image.size)
    bare.paste(image)
    bare.save(file, format, **({"optimize": True} if format == "PNG" else {"quality": 85}))
    return file.getvalue()


def _form(width: int, height: int, format: str, mode: str) -> tuple[float, ...]:
    """Return numbers about the file from which no model should be able to tell the label."""
    of_mode = int(hashlib.sha256(re.sub(r";.*", "", mode).encode()).hexdigest()[:4], 16)
    return float(width), float(height), width / height, float(FORMATS.index(format)), float(of_mode)
