"""AlexNet's labels: its network, the file of its weights, and the file that it makes for a data set."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from tests.factories import images
from training import catalog
from training.catalog import outside
from training.cli.main import main
from training.engine.models import alexnet
from training.engine.models.image_encoders import centre
from training.engine.models.image_features import decoded_parts


@pytest.fixture
def shades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "library"))
    return images.in_library(tmp_path, of_class=20)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of random weights of a narrow AlexNet with two classes, which is taken for the published one."""
    torch.manual_seed(0)
    path = tmp_path / alexnet.WEIGHTS
    torch.save(alexnet.AlexNet(hidden=16, classes=2).state_dict(), path)
    monkeypatch.setattr(alexnet, "DIGITS", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    return path


def logits(stored: dict[str, Tensor], x: Tensor) -> Tensor:
    """AlexNet by functions alone, as its description has it."""
    pooled = {"features.0", "features.3", "features.10"}
    for name, stride, padding in (
        ("features.0", 4, 2),
        ("features.3", 1, 2),
        ("features.6", 1, 1),
        ("features.8", 1, 1),
        ("features.10", 1, 1),
    ):
        x = F.relu(F.conv2d(x, stored[f"{name}.weight"], stored[f"{name}.bias"], stride, padding))
        x = F.max_pool2d(x, 3, 2) if name in pooled else x
    x = x.flatten(1)  # 6 x 6 cells of 256 numbers
    for name in ("classifier.1", "classifier.4"):
        x = F.relu(F.linear(x, stored[f"{name}.weight"], stored[f"{name}.bias"]))
    return F.linear(x, stored["classifier.6.weight"], stored["classifier.6.bias"])


def command(shades: str, weights: Path, out: Path) -> int:
    return main(["outside", "alexnet", "--dataset", shades, "--weights", str(weights), "--out", str(out)])


def test_its_labels_are_probabilities_of_the_centres_and_enter_as_a_given_supervisor(
    shades: str, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "labels.parquet"
    assert command(shades, weights, out) == 0
    said = json.loads(capfd.readouterr().out.splitlines()[-1])
    table, data = pq.read_table(out), pq.read_table(catalog.dataset(shades).path, columns=["id", "label"])
    assert table["id"].to_pylist() == data["id"].to_pylist()
    prob = np.array(table["probability"].to_pylist())
    assert said["accuracy"] == pytest.approx((prob.argmax(axis=1) == data["label"].to_numpy()).mean())
    seen = [image for part in decoded_parts(catalog.dataset(shades).path) for image in part]
    expected = logits(torch.load(weights, weights_only=True), alexnet.pixels(seen)).softmax(dim=1)
    np.testing.assert_allclose(prob, expected.detach(), atol=1e-5)
    about = ["--name", "alexnet", "--source", "AlexNet with weights of ImageNet"]
    assert main(["outside", "add", str(out), "--dataset", shades, *about]) == 0
    assert outside.find("given:alexnet").rows == len(prob)


def test_its_layers_have_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in alexnet.AlexNet().parameters()) == 61_100_840


def test_pixels_are_those_of_the_centre_normalised_by_imagenet() -> None:
    (image,) = (next(iter(decoded_parts(catalog.dataset("fashion-mnist").path)))[0],)
    values = alexnet.pixels([image])
    assert values.shape == (1, 3, 224, 224)
    plain = np.asarray(centre(image)).astype(float) / 255
    np.testing.assert_allclose(values[0, 2], (plain[:, :, 2] - 0.406) / 0.225, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path, data: path.write_bytes(b"x"), "is not torchvision’s alexnet-owt-7be5be79.pth: its SHA-256 begins with"),
        (lambda path, data: path.unlink(), "The disk cannot be read or written: No such file or directory"),
    ],
)
def test_another_file_than_the_published_weights_is_refused_by_a_sentence(
    change: object, sentence: str, shades: str, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert callable(change)
    change(weights, shades)
    assert command(shades, weights, tmp_path / "labels.parquet") == 1
    assert sentence in json.loads(capfd.readouterr().out.splitlines()[-1])["error"]
    assert not (tmp_path / "labels.parquet").exists()


def test_a_data_set_of_texts_or_of_other_classes_is_refused(
    weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for data, sentence in (("movie-reviews", "has no images that AlexNet could see"), ("fashion-mnist", "2 classes apart")):
        assert command(data, weights, tmp_path / "labels.parquet") == 1
        assert sentence in json.loads(capfd.readouterr().out.splitlines()[-1])["error"]
