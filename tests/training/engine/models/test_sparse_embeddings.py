import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from training.engine.models.sparse_embeddings import SparseEmbedding, decay_unused_rows

ROWS, WIDTH = 40, 6
USED = torch.tensor([0, 3, 5, 8, 13, 21, 34])


@pytest.fixture
def embedding() -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(ROWS, WIDTH, padding_idx=0)


def batches(steps: int) -> Iterator[Tensor]:
    """Each with two of the used ids besides padding, so that most rows wait for some steps between two gradients."""
    for step in range(steps):
        yield torch.stack([USED[1 + step % 3], USED[4 + step % 3], USED[0]])[None]


def trained(model: nn.Module, decay: float, steps: int = 30) -> nn.Module:
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=decay, fused=True)
    decay_unused_rows(model, optimiser)
    for step, ids in enumerate(batches(steps)):
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - step / steps)
        optimiser.zero_grad()
        model(ids).pow(2).sum().sin().backward()
        optimiser.step()
    return model


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_every_row_is_where_dense_adamw_would_have_put_it(embedding: nn.Embedding, decay: float) -> None:
    actual = trained(SparseEmbedding(copy.deepcopy(embedding), USED), decay).state_dict()["weight"]
    before = embedding.weight.detach().clone()
    expected = trained(embedding, decay).state_dict()["weight"]
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-7)
    assert not torch.equal(actual[USED[1]], before[USED[1]])
    assert torch.equal(actual[1], before[1]) == (decay == 0)


def test_rows_that_are_not_trained_are_read_all_the_same(embedding: nn.Embedding) -> None:
    vocabulary, ids = SparseEmbedding(embedding, USED), torch.arange(ROWS)[None]
    with torch.no_grad():
        assert torch.equal(vocabulary(ids), embedding(ids))


def test_it_is_saved_and_loaded_as_the_embedding_it_stands_for(embedding: nn.Embedding) -> None:
    vocabulary = trained(SparseEmbedding(embedding, USED), 0.1)
    state = vocabulary.state_dict()
    embedding.load_state_dict(state)
    again = SparseEmbedding(nn.Embedding(ROWS, WIDTH, padding_idx=0), USED)
    again.load_state_dict(state)
    assert torch.equal(again.state_dict()["weight"], embedding.weight)
    assert [name for name, _ in vocabulary.named_parameters()] == ["trained"]


def test_a_state_without_it_is_refused(embedding: nn.Embedding) -> None:
    with pytest.raises(RuntimeError, match="Missing key"):
        SparseEmbedding(embedding, USED).load_state_dict({})
