"""Effects of covered patches on a run's answer, against a recomputation for logistic regression on grey cells."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from tests.factories.images import HOW, SHADES, file_of, pixels, zipped
from tests.factories.runs import Recording
from training import ExperimentSpec, RunSpec, Store, execute, make_plan
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.engine.data.examples import load_examples
from training.engine.data.image_decoding import pixels_of
from training.engine.data.prepare import add
from training.engine.outputs.attribution import attribution_of
from training.engine.outputs.occlusion import GRID, grid
from training.storage.columns import row_of


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store) -> RunSpec:
    """A trained supervisor on 4 x 4 grey cells of images of 16 x 16 pixels."""

    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "library"))
    entries = [
        (f"set/{name}/{number}.png", file_of(Image.fromarray(pixels(number, shade, 16, 16)).convert("L")))
        for name, shade in SHADES.items()
        for number in range(60)
    ]
    add(zipped(tmp_path / "a.zip", entries), Mapping.model_validate(HOW), About(name="shades"), lambda *_: None)
    weak, strong = {"models": ["pixels-4x4"], "epochs": 2}, {"models": ["pixels-7x7"], "epochs": 2}
    spec = ExperimentSpec.model_validate({"data": {"name": "shades"}, "weak": weak, "strong": strong, "seeds": 1})
    plan = make_plan(spec)
    run = plan.runs[plan.triplets[0].weak]
    execute(run, store, Recording().emit, lambda: False)
    return run


def test_the_effect_of_a_patch_is_the_difference_of_the_log_odds_with_and_without_it(run: RunSpec, store: Store) -> None:
    test = store.read_predictions(run.key()).part("test")
    examples, example = load_examples(run.dataset, run.fingerprint), int(test.id[0])
    assert examples.images is not None
    stored = row_of(examples.images, example)
    assert stored is not None
    image = np.asarray(pixels_of(stored["image"][0].as_py()), float)
    weights = load_file(store.weights(run.key()))

    def log_odds(pixels: np.ndarray) -> float:
        across = np.floor(pixels.reshape(16, 4, 4).mean(axis=2) + 0.5)  # Pillow rounds after each of the two directions
        cells = np.floor(across.reshape(4, 4, 4).mean(axis=1) + 0.5).ravel() / 255
        odds = float(weights["linear.weight"][0].numpy() @ cells + weights["linear.bias"][0].item())
        return odds if test.gold[0] else -odds

    attribution = attribution_of(run, store, example)
    assert attribution.log_odds == pytest.approx(log_odds(image), abs=1e-4)
    assert len(attribution.patches) == GRID * GRID
    for patch in attribution.patches:
        cover = image.copy()
        left, top, right, bottom = (round(16 * edge) for edge in (patch.left, patch.top, patch.right, patch.bottom))
        cover[top:bottom, left:right] = round(image.mean())
        assert patch.effect == pytest.approx(log_odds(image) - log_odds(cover), abs=1e-4)


@pytest.mark.parametrize(("width", "height"), [(16, 16), (3, 50), (1, 1), (100, 37)])
def test_the_patches_are_the_whole_image_and_do_not_overlap(width: int, height: int) -> None:
    cover = np.zeros((height, width), int)
    for left, top, right, bottom in grid(width, height):
        assert left < right
        assert top < bottom
        cover[top:bottom, left:right] += 1
    assert (cover == 1).all()
