"""Models of images: grey cells, tiny random backbones in the layout of the Hub, and the features that probes read."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from tests.factories.images import HOW, folder_of_classes
from tests.factories.runs import Recording
from training import ExperimentSpec, RunSpec, Store, catalog, execute, make_plan
from training.catalog import library
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.engine.data.prepare import add
from training.engine.models.efficientnet_lite import EfficientNetLite0, SameConv
from training.engine.models.features import features_path
from training.engine.models.image_encoders import grey_cells
from training.engine.models.image_features import decoded_parts


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A data set of 120 images of two classes in a library of its own."""
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "library"))
    path = folder_of_classes(tmp_path / "a.zip")
    add(path, Mapping.model_validate(HOW), About(name="shades"), lambda *_: None)
    return "shades"


SMALL: dict[str, Any] = {"image_size": 16, "num_channels": 3}


def tiny(kind: str) -> Any:
    """A random backbone of an architecture, small enough to be made in a moment."""
    import transformers

    torch.manual_seed(0)
    transformer: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    transformer |= {"intermediate_size": 16, "patch_size": 4}
    sizes: dict[str, Any] = {"hidden_sizes": [8, 12], "depths": [1, 1], "num_channels": 3}
    if kind == "vit":
        return transformers.ViTModel(transformers.ViTConfig(**SMALL, **transformer), add_pooling_layer=False)
    if kind == "dinov2":
        return transformers.Dinov2Model(transformers.Dinov2Config(**SMALL, **transformer))
    if kind == "resnet":
        config = transformers.ResNetConfig(embedding_size=8, layer_type="basic", **sizes)
        return transformers.ResNetModel(config)
    return transformers.ConvNextModel(transformers.ConvNextConfig(num_stages=2, **sizes))


def saved(kind: str, folder: Path) -> Path:
    from transformers import ViTImageProcessor

    tiny(kind).save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


def spec(model: str, **weak: Any) -> ExperimentSpec:
    return ExperimentSpec.model_validate(
        {
            "data": {"name": "shades", "validation_fraction": 0.2},
            "weak": {"models": ["pixels-4x4"], "epochs": 2, **weak},
            "strong": {"models": [model], "epochs": 2},
            "methods": [{"kind": "naive"}],
            "seeds": 1,
        }
    )


def test_grey_cells_are_means_over_the_whole_image() -> None:
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
    expected = np.arange(64).reshape(8, 8).astype(float) * 4 / 255
    blocks = expected.reshape(4, 2, 4, 2).mean(axis=(1, 3)).ravel()
    np.testing.assert_allclose(grey_cells([image], 4)[0], blocks, atol=0.5 / 255)


@pytest.mark.parametrize("kind", ["vit", "dinov2", "resnet", "convnext"])
def test_features_of_a_backbone_are_those_of_transformers(kind: str, pictures: str, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModel

    folder, store = saved(kind, tmp_path / kind), Store(tmp_path / "store")
    plan = make_plan(spec(str(folder)))
    recording = Recording()
    for run in plan.runs.values():
        execute(run, store, recording.emit, lambda: False)
    features = features_path(plan.runs[plan.triplets[0].student], store)
    path = catalog.dataset(pictures).path
    images = [image.convert("RGB") for part in decoded_parts(path) for image in part]
    model: Any = AutoModel.from_pretrained(folder).eval()
    processor: Any = AutoImageProcessor.from_pretrained(folder, backend="pil")
    with torch.inference_mode():
        output = model(**processor(images=images, return_tensors="pt"))
    expected = output.last_hidden_state[:, 0] if kind in ("vit", "dinov2") else output.pooler_output.flatten(1)
    np.testing.assert_allclose(np.load(features), expected, atol=2e-5)
    entry = catalog.known_model(plan.triplets[0].strong_model)
    assert entry is not None
    assert (entry.kind, entry.width) == ("vision", expected.shape[1])


def test_a_second_run_reads_the_features_of_the_first(pictures: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    runs = list(make_plan(spec("pixels-7x7")).runs.values())
    computing: list[RunSpec] = []
    for run in runs:
        recording = Recording()
        execute(run, store, recording.emit, lambda: False)
        computing += [run] if any(event.phase == "features" for event in recording.of("progress")) else []
    assert sorted(run.model for run in computing) == ["pixels-4x4", "pixels-7x7"]
    assert len(runs) == 3


def test_a_model_of_texts_cannot_read_images_and_the_other_way_round(pictures: str) -> None:
    with pytest.raises(ValidationError, match="MiniLM, 4 layers reads texts, and the examples of this data set are images"):
        spec("minilm-l4")
    with pytest.raises(ValidationError, match="Pixels, 7 x 7 reads images, and this data set has none"):
        ExperimentSpec.model_validate({"strong": {"models": ["pixels-7x7"]}})
    with pytest.raises(ValidationError, match="Images have no length"):
        spec("pixels-7x7", errors="longest")


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_backbone_of_images_is_only_probed(tuning: str, pictures: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="Backbones of images are frozen here"):
        ExperimentSpec.model_validate(
            spec("pixels-7x7").model_dump() | {"strong": {"models": [str(saved("vit", tmp_path / "vit"))], "tuning": tuning}}
        )


def test_a_folder_without_its_preprocessing_is_refused_by_a_sentence(tmp_path: Path) -> None:
    folder = saved("vit", tmp_path / "vit")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ValueError, match=r"it has no preprocessor_config\.json"):
        catalog.model(str(folder))


def test_efficientnet_lite0_has_the_published_number_of_parameters_and_its_entry_says_so() -> None:
    network = EfficientNetLite0().eval()
    assert sum(parameter.numel() for parameter in network.parameters()) == catalog.MODELS["efficientnet-lite0"].parameters
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 48)).shape == (2, 1280)


@pytest.mark.parametrize(("size", "stride", "kernel"), [(7, 2, 3), (8, 2, 3), (8, 2, 5), (9, 1, 5)])
def test_a_convolution_pads_as_tensorflow_does(size: int, stride: int, kernel: int) -> None:
    convolution = SameConv(1, 1, kernel, stride, bias=False)
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, size, size)).astype(np.float32))
    places = -(-size // stride)
    total = max((places - 1) * stride + kernel - size, 0)
    padded = np.pad(image[0, 0].numpy(), [(total // 2, total - total // 2)] * 2)
    weight = convolution.weight[0, 0].detach().numpy()
    expected = [
        [(padded[y * stride :, x * stride :][:kernel, :kernel] * weight).sum() for x in range(places)] for y in range(places)
    ]
    np.testing.assert_allclose(convolution(image)[0, 0].detach(), expected, atol=1e-5)


def test_the_embedded_images_are_those_of_their_digest_and_balanced() -> None:
    entry = catalog.dataset("fashion-mnist")
    assert library.get("fashion-mnist") is None
    table = pq.read_table(entry.path, columns=["label", "image"])
    assert np.bincount(table["label"].to_numpy()).tolist() == [700] * 10
    assert entry.path.stat().st_size < 8 * 2**20
    assert {image.size for image in next(iter(decoded_parts(entry.path)))} == {(28, 28)}
