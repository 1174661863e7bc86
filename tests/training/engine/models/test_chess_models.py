"""The chess models that ship: their files are those of the catalog, and they know what a move is."""

import shutil
from pathlib import Path

import chess
import pytest
import torch

from tests.factories.runs import plan_with
from training import RunSpec, catalog
from training.catalog.datasets import EMBEDDED
from training.engine.errors import CorruptModel
from training.engine.models import backbone, model_files

NAMES = [name for name, entry in catalog.MODELS.items() if entry.family == "chess"]


def run_of(name: str) -> RunSpec:
    plan = plan_with("bag-of-words", name, tuning="full")
    return plan.runs[plan.triplets[0].ceiling]


def test_there_is_a_ladder_of_them_in_at_most_15_megabytes() -> None:
    sizes = [catalog.MODELS[name].parameters for name in NAMES]
    assert sizes == sorted(set(sizes))
    assert sum(path.stat().st_size for path in EMBEDDED.glob("chess_*/model.safetensors")) < 15e6


@pytest.mark.parametrize("name", NAMES)
def test_a_model_has_the_size_that_the_catalog_says_and_answers_a_first_move_by_a_legal_one(name: str) -> None:
    transformer, head = backbone.load_decoder(run_of(name))
    entry = catalog.MODELS[name]
    assert sum(parameter.numel() for parameter in transformer.parameters()) == entry.parameters  # embeddings are shared
    tokenizer = backbone.tokenizer(run_of(name))
    ids = torch.tensor([tokenizer.encode("1. e4").ids])
    with torch.no_grad():
        logits = head(transformer(input_ids=ids)[0][0])
    board = chess.Board()
    board.push_san("e4")
    board.push_san(tokenizer.id_to_token(int(logits[-1].argmax())))  # raises for a move that is not legal


def test_a_damaged_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(EMBEDDED / "chess_small", tmp_path / "chess_small")
    monkeypatch.setattr(model_files, "EMBEDDED", tmp_path)
    run = run_of("chess-small")
    assert model_files.folder_of(run) == folder
    (folder / "config.json").write_text("{}")
    with pytest.raises(CorruptModel, match="Chess, small is damaged"):
        model_files.folder_of(run)
    shutil.rmtree(folder)
    with pytest.raises(CorruptModel, match="Chess, small is damaged"):
        model_files.folder_of(run)
