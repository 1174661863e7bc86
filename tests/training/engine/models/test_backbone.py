import shutil
from pathlib import Path

import pytest

from tests.factories.runs import make_run
from training.engine.errors import CorruptModel
from training.engine.models import backbone


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the model's folder that may be damaged."""
    folder = tmp_path / "model"
    shutil.copytree(backbone.folder(), folder)
    monkeypatch.setattr(backbone, "folder", lambda: folder)
    return folder


def test_a_damaged_model_is_named_with_what_mends_it(copy: Path) -> None:
    weights = copy / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    with pytest.raises(CorruptModel, match=r"damaged: .*model\.safetensors has SHA-256 .* expected 53aa.*--force-reinstall"):
        backbone.load(make_run("ceiling"))


def test_a_damaged_tokenizer_is_noticed_too(copy: Path) -> None:
    (copy / "tokenizer.json").write_text("{}")
    with pytest.raises(CorruptModel, match=r"tokenizer\.json"):
        backbone.tokenizer(make_run("ceiling"))


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(CorruptModel, match=r"missing: .*model\.safetensors"):
        backbone.load(make_run("ceiling"))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone, "PACKAGE", "no-such-package")
    with pytest.raises(CorruptModel, match="pip install no-such-package"):
        backbone.folder()


def test_an_unchanged_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    path = tmp_path / "file"
    path.write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    backbone.verify(path, digest)
    monkeypatch.setattr(hashlib, "file_digest", None)
    backbone.verify(path, digest)
