import pytest
import torch

from tests.factories.runs import make_run
from training import catalog
from training.engine.models.classifiers import BagOfWords, build
from training.spec import RunSpec

SHIPPED = [name for name, entry in catalog.MODELS.items() if not entry.installed_by and entry.kind != "vision"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_model_has_as_many_parameters_as_the_catalog_says_without_the_head_of_a_transformer(name: str) -> None:
    model = build(fully_tuned(name) if name != "bag-of-words" else make_run())
    sizes = [tensor.numel() for name, tensor in model.named_parameters() if not name.startswith("head.")]
    assert sum(sizes) == catalog.model(name).parameters


@pytest.mark.parametrize(
    ("role", "inputs"),
    [("ceiling", (torch.ones(3, 384),)), ("weak", (torch.ones(3, 5, dtype=torch.long), torch.ones(3, 5)))],
    ids=["probe", "bag of words"],
)
def test_an_untrained_head_gives_one_half_to_all(role: str, inputs: tuple[torch.Tensor, ...]) -> None:
    assert torch.sigmoid(build(make_run(role))(*inputs)).tolist() == [0.5] * 3


@pytest.mark.parametrize(
    ("role", "inputs"),
    [("ceiling", (torch.ones(3, 384),)), ("weak", (torch.ones(3, 5, dtype=torch.long), torch.ones(3, 5)))],
    ids=["probe", "bag of words"],
)
def test_an_untrained_head_of_five_classes_gives_each_the_same(role: str, inputs: tuple[torch.Tensor, ...]) -> None:
    assert build(make_run(role), classes=5)(*inputs).tolist() == [[0.0] * 5] * 3


def test_a_bag_of_words_adds_the_weights_of_its_words_and_not_of_padding() -> None:
    model = BagOfWords(4)
    with torch.no_grad():
        model.weight.weight.copy_(torch.tensor([[1.0], [2.0], [4.0], [8.0]]))
        model.bias.fill_(0.5)
    logits = model(torch.tensor([[3, 3, 1], [2, 0, 0]]), torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]))
    assert logits.tolist() == [18.5, 4.5]


def test_padding_changes_no_prediction_of_a_transformer() -> None:
    model = build(fully_tuned("minilm-l1"))
    with torch.no_grad():
        model.get_parameter("head.linear.weight").fill_(0.1)
        short = model(torch.tensor([[101, 2204, 102]]), torch.ones(1, 3))
        padded = model(torch.tensor([[101, 2204, 102, 0, 0]]), torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0]]))
    torch.testing.assert_close(short, padded)


def test_a_fully_tuned_model_drops_nothing_out() -> None:
    model = build(fully_tuned("minilm-l1"))
    assert not any(module.training for module in model.modules() if isinstance(module, torch.nn.Dropout))


def test_a_reward_model_says_the_opposite_of_the_pair_the_other_way_round_and_one_half_of_equal_texts() -> None:
    model = build(make_run("ceiling"), pairs=True)
    torch.nn.init.normal_(model.get_parameter("scorer.linear.weight"))
    torch.nn.init.ones_(model.get_parameter("scorer.linear.bias"))
    first, other = torch.randn(5, 384), torch.randn(5, 384)
    assert torch.equal(model(first, other), -model(other, first))
    assert torch.sigmoid(model(first, first)).tolist() == [0.5] * 5


def test_a_reward_model_is_the_difference_of_the_scores_of_its_two_texts() -> None:
    model = build(make_run(), pairs=True)
    torch.nn.init.normal_(model.get_parameter("scorer.weight.weight"))
    first, second = (torch.tensor([[3, 7], [2, 0]]), torch.ones(2, 2)), (torch.tensor([[5], [9]]), torch.ones(2, 1))
    scorer = model.get_submodule("scorer")
    torch.testing.assert_close(model(*first, *second), scorer(*first) - scorer(*second))


def fully_tuned(name: str) -> RunSpec:
    return make_run("ceiling", model=name, adaptation="full")
