"""The vision protocol of openai/weak-to-strong on a made set, held to an implementation of it in plain PyTorch.

Its source is vision/ in github.com/openai/weak-to-strong at 6b450f2: weak labels over all classes untouched, features of a
frozen backbone, a seeded shuffle with the first rows to train and the last to test, a linear layer with bias on the same rows for
student and ceiling, Adam at 1e-3, batches of 100, a cosine over all steps, the last step. Two things are ours: the layer starts
at zero, and a seed orders the batches.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tests.factories.runs import finish
from training import ExperimentSpec, Plan, Store, catalog, make_plan
from training.catalog import outside
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.engine.data.outside_checks import add as add_labels
from training.engine.data.prepare import add as add_images
from training.engine.schedule import batches
from training.metrics.results import summarize
from training.recipes import recipes

CLASSES, OF_CLASS, TEST = 3, 60, 40
"""A batch cannot have equally many rows of three classes. Where it has, the first gradient of a bias that starts at zero is
nothing but rounding, which Adam scales to a step.
"""
CLOSE = 1e-4


class Made(NamedTuple):
    """The made set: the files in the order of torchvision's ImageFolder, their classes, and soft weak labels (n, K)."""

    files: list[Path]
    label: npt.NDArray[np.int64]
    weak: npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Images of several sizes in the layout of ImageNet's validation set, a folder for each class."""
    folder, rng = tmp_path_factory.mktemp("made") / "val", np.random.default_rng(0)
    for number in range(CLASSES):
        (folder / f"n0{number}440764").mkdir(parents=True)
        for place in range(OF_CLASS):
            width, height = rng.integers(20, 60, 2)
            colour = 60 + 40 * np.eye(3)[number]
            pixels = np.clip(rng.normal(colour, 50, (height, width, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"n0{number}440764" / f"ILSVRC2012_val_{CLASSES * place + number:08}.png")
    files = sorted(folder.glob("*/*.png"))
    label = np.repeat(np.arange(CLASSES), OF_CLASS)
    logits = rng.normal(0, 1.5, (len(files), CLASSES)) + 2 * np.eye(CLASSES)[label]
    exponents = np.exp(logits)
    return Made(files, label, (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32))


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "library"))


def backbone(kind: str, folder: Path) -> Path:
    """A tiny random backbone in the layout of the Hub, whose own preprocessing is another one than the protocol's."""
    import transformers

    torch.manual_seed(1)
    model: Any
    colours: dict[str, Any] = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    if kind == "vit":
        shape: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        model = transformers.ViTModel(transformers.ViTConfig(image_size=224, patch_size=56, **shape), add_pooling_layer=False)
        transformers.ViTImageProcessor(size={"height": 224, "width": 224}, **colours).save_pretrained(folder)
    else:
        sizes: dict[str, Any] = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
        model = transformers.ResNetModel(transformers.ResNetConfig(**sizes))
        transformers.ConvNextImageProcessor(size={"shortest_edge": 224}, **colours).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def imported(made: Made) -> npt.NDArray[np.int64]:
    """Import the folder with the seeded split, and the weak labels; return the id of each file, by its name in the library."""
    names = sorted({path.parent.name for path in made.files})
    mapping = {"kind": "image", "image": "image", "label": "folder", "test_rows": TEST, "test_seed": 0}
    classes = [{"name": name, "values": [name]} for name in names]
    about = About(name="imagenet-validation")
    add_images(made.files[0].parents[1], Mapping.model_validate(mapping | {"classes": classes}), about, lambda *_: None)
    table = pq.read_table(catalog.dataset("imagenet-validation").path, columns=["id", "text"])
    known = dict(zip(table["text"].to_pylist(), table["id"].to_pylist(), strict=True))
    ids = np.array([known[path.name] for path in made.files])
    path = made.files[0].parents[2] / "alexnet.parquet"
    pq.write_table(pa.table({"id": ids, "probability": made.weak.tolist()}), path)
    add_labels([path], "imagenet-validation", outside.About(name="alexnet", source="made"), "supervisor")
    return ids


def planned(model: Path, **strong: object) -> Plan:
    """The plan of the shipped recipe with one seed, and a backbone of this test."""
    recipe = recipes()["imagenet-alexnet-dino"].model_dump(mode="json")
    changes = recipe | {"strong": recipe["strong"] | {"models": [str(model)]} | strong, "seeds": 1}
    return make_plan(ExperimentSpec.model_validate(changes))


def features_of(made: Made, folder: Path, kind: str) -> torch.Tensor:
    """The features of the protocol: Resize(256), CenterCrop(224), ImageNet's colours, and what torch.hub's DINO models return."""
    import transformers

    pixels = []
    for path in made.files:
        image = Image.open(path).convert("RGB")
        short, long = sorted(image.size)
        sizes = (256, int(256 * long / short)) if image.width <= image.height else (int(256 * long / short), 256)
        image = image.resize(sizes, Image.Resampling.BILINEAR)
        left, top = round((image.width - 224) / 2.0), round((image.height - 224) / 2.0)
        array = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255
        pixels.append((array - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225]))
    batch = torch.from_numpy(np.stack(pixels).astype(np.float32)).permute(0, 3, 1, 2)
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        if kind == "resnet":  # global average pooling, and an identity in the place of the last layer
            pooled: torch.Tensor = model(batch).last_hidden_state.mean(dim=(2, 3))
            return pooled
        return normed_class_token(model, batch)


def normed_class_token(model: Any, batch: torch.Tensor) -> torch.Tensor:
    """The first token after all blocks and the last layer norm, computed from the weights alone, as the published ViT does."""
    weights = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    patches = torch.nn.functional.conv2d(
        batch,
        weights["embeddings.patch_embeddings.projection.weight"],
        weights["embeddings.patch_embeddings.projection.bias"],
        stride=model.config.patch_size,
    )
    tokens = patches.flatten(2).transpose(1, 2)
    states = torch.cat([weights["embeddings.cls_token"].expand(len(batch), -1, -1), tokens], dim=1)
    states = states + weights["embeddings.position_embeddings"]
    width, heads = states.shape[2], model.config.num_attention_heads

    def linear(states: torch.Tensor, name: str) -> torch.Tensor:
        return torch.nn.functional.linear(states, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(states: torch.Tensor, name: str) -> torch.Tensor:
        return torch.nn.functional.layer_norm(states, (width,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)

    for block in (f"layers.{number}" for number in range(model.config.num_hidden_layers)):
        normed = norm(states, f"{block}.layernorm_before")
        query, key, value = (
            linear(normed, f"{block}.attention.{name}").view(*states.shape[:2], heads, -1).transpose(1, 2)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        attention = (query @ key.transpose(2, 3) / (width // heads) ** 0.5).softmax(dim=-1)
        states = states + linear((attention @ value).transpose(1, 2).flatten(2), f"{block}.attention.o_proj")
        inner = torch.nn.functional.gelu(linear(norm(states, f"{block}.layernorm_after"), f"{block}.mlp.fc1"))
        states = states + linear(inner, f"{block}.mlp.fc2")
    return norm(states, "layernorm")[:, 0]


def probabilities(x: torch.Tensor, y: torch.Tensor, test: torch.Tensor, order: list[list[npt.NDArray[np.int64]]]) -> torch.Tensor:
    """Train a linear layer as the public code does and return its probabilities on the test rows."""
    layer = torch.nn.Linear(x.shape[1], CLASSES)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimiser = torch.optim.Adam(layer.parameters(), lr=1e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=sum(map(len, order)))
    for epoch in order:
        for batch in epoch:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(layer(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        prob: torch.Tensor = layer(test).softmax(dim=1)
        return prob


Batches = list[list[npt.NDArray[np.int64]]]


@pytest.mark.parametrize(("kind", "epochs"), [("vit", 5), ("resnet", 20)])
def test_student_and_ceiling_equal_the_protocol_in_plain_pytorch(kind: str, epochs: int, made: Made, tmp_path: Path) -> None:
    ids, folder, store = imported(made), backbone(kind, tmp_path / kind), Store(tmp_path / "store")
    plan = planned(folder, epochs=epochs)
    for run in plan.runs.values():
        finish(run, store)
        assert run.given or (run.batch_size, run.lr, run.weight_decay, run.stop) == (100, 1e-3, 0, "last")
    order = np.arange(len(ids))
    np.random.default_rng(0).shuffle(order)
    train, test = order[:-TEST], order[-TEST:]
    rows = train[np.argsort(ids[train])]  # batches are drawn from the rows in the order of the library
    drawn: Batches = [[rows[batch] for batch in batches(len(rows), 100, 0, epoch)] for epoch in range(epochs)]
    x = features_of(made, folder, kind)
    (triplet,) = plan.triplets
    for key, labels in ((triplet.student, torch.from_numpy(made.weak)), (triplet.ceiling, torch.from_numpy(made.label))):
        expected = probabilities(x, labels, x[test], drawn)
        predicted = store.read_predictions(key).part("test")
        assert sorted(predicted.id) == sorted(ids[test])
        place = {int(name): number for number, name in enumerate(predicted.id)}
        in_order = predicted.take(np.array([place[int(name)] for name in ids[test]]))
        np.testing.assert_allclose(in_order.prob, expected, atol=CLOSE)
        np.testing.assert_array_equal(in_order.gold, made.label[test])
    result = summarize(plan, store.read_predictions, store.read_trajectory)
    (group,) = result.groups
    assert group.weak
    assert group.weak.value == pytest.approx((made.weak[test].argmax(axis=1) == made.label[test]).mean())
