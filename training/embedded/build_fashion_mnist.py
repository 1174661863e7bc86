"""Make fashion_mnist.parquet from Debian's package dataset-fashion-mnist.

apt-get install dataset-fashion-mnist
python -m training.embedded.build_fashion_mnist /usr/share/datasets/fashion-mnist

The first 700 of each class among its 10,000 test images, in their order.
"""

import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.catalog.datasets import FASHION
from training.engine.data.image_checks import check_images
from training.engine.data.image_decoding import decoded
from training.engine.data.image_mapping import Broken, LabelledImage
from training.engine.data.image_rules import apply_image_rules

TARGET = Path(__file__).with_name("fashion_mnist.parquet")
OF_CLASS = 700
HEADER_OF_IMAGES, HEADER_OF_LABELS, SIDE = 16, 8, 28


def read(path: Path, header: int) -> npt.NDArray[np.uint8]:
    """Return the bytes of an IDX file after its header."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)[header:]


def images(folder: Path) -> Iterator[LabelledImage]:
    taken = [0] * len(FASHION)
    pixels = read(folder / "t10k-images-idx3-ubyte.gz", HEADER_OF_IMAGES).reshape(-1, SIDE, SIDE)
    labels = read(folder / "t10k-labels-idx1-ubyte.gz", HEADER_OF_LABELS)
    for number, (image, label) in enumerate(zip(pixels, labels.tolist(), strict=True)):
        if taken[label] < OF_CLASS:
            taken[label] += 1
            file = io.BytesIO()
            Image.fromarray(image).save(file, "PNG")
            name = f"t10k-{number:05d}"
            yield LabelledImage(name, label, "", decoded(file.getvalue(), name))


if __name__ == "__main__":
    counts, chosen = apply_image_rules(images(Path(sys.argv[1])), TARGET, len(FASHION))
    report = check_images(TARGET, chosen, counts.model_copy(update={"read": counts.examples}), len(FASHION), Broken())
    TARGET.with_suffix(".json").write_text(report.model_dump_json(indent=1) + "\n")
