import numpy as np
import pytest
import torch
from torch import Tensor

from training.engine.logits import probabilities
from training.engine.losses import confidence_weight, cross_entropy, hardened, target
from training.spec import Confidence, Naive

LABELS = torch.tensor([0.9, 0.2, 0.6, 0.4])


def logits() -> Tensor:
    return torch.tensor([2.0, -1.0, 0.5, 3.0], requires_grad=True)


def test_cross_entropy_is_that_of_two_classes() -> None:
    prob = torch.sigmoid(logits())
    expected = -(LABELS * prob.log() + (1 - LABELS) * (1 - prob).log()).mean()
    torch.testing.assert_close(cross_entropy(logits(), LABELS), expected)


def test_the_gradient_of_cross_entropy_is_prediction_less_target() -> None:
    z = logits()
    cross_entropy(z, LABELS).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(z.grad, (torch.sigmoid(z.detach()) - LABELS) / 4)


THREE = np.array([[0.1, 2.0, -1.0], [3.0, 3.0, 0.5], [-2.0, 0.0, 1.5], [0.2, 0.1, 0.0]])
SOFT = np.array([[0.2, 0.5, 0.3], [0.0, 0.0, 1.0], [0.6, 0.3, 0.1], [0.25, 0.25, 0.5]])
"""Logits and soft labels of four examples and three classes."""


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return result


def test_cross_entropy_of_three_classes_and_its_gradient_are_those_of_numpy() -> None:
    z = torch.tensor(THREE, requires_grad=True)
    loss = cross_entropy(z, torch.tensor(SOFT))
    loss.backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert loss.item() == pytest.approx(-np.mean((SOFT * np.log(softmax(THREE))).sum(axis=1)))
    np.testing.assert_allclose(z.grad, (softmax(THREE) - SOFT) / 4)
    np.testing.assert_allclose(probabilities(z.detach()), softmax(THREE))


def test_the_two_ways_to_say_two_classes_have_the_same_loss_and_gradient() -> None:
    z = logits()
    pair = torch.stack([torch.zeros(4), z], dim=1)
    both = torch.stack([1 - LABELS, LABELS], dim=1)
    torch.testing.assert_close(cross_entropy(pair, both), cross_entropy(z, LABELS))
    torch.testing.assert_close(
        torch.autograd.grad(cross_entropy(pair, both), z), torch.autograd.grad(cross_entropy(z, LABELS), z)
    )


@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0])
def test_balanced_guesses_of_many_classes_have_the_shares_of_the_weak_labels(scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    own = scale * (torch.randn(300, 4, generator=generator) + torch.tensor([3.0, 0.0, 0.0, -3.0]))
    share = torch.tensor([0.1, 0.2, 0.3, 0.4])
    alone = hardened(own).mean(dim=0)
    assert alone[0] > 0.9
    balanced = hardened(own, None, share)
    torch.testing.assert_close(balanced.mean(dim=0), share, atol=0.06, rtol=0)
    assert (balanced.sum(dim=1) == 1).all()
    torch.testing.assert_close(hardened(own[:10], own, share), balanced[:10])


def test_balanced_guesses_of_one_class_are_those_that_the_student_is_surest_of() -> None:
    own = torch.tensor([[3.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.0, -1.0], [0.5, 0.0, 0.4], [1.5, 1.4, 0.0], [2.5, 0.0, 1.0]])
    share = torch.full((3,), 1 / 3)
    assert hardened(own, None, share).argmax(dim=1).tolist() == [0, 0, 1, 2, 1, 2]


def test_of_two_classes_balanced_is_the_threshold_of_the_prior() -> None:
    generator = torch.Generator().manual_seed(1)
    own = torch.randn(400, generator=generator) - 2
    pair = torch.stack([torch.zeros(400), own], dim=1)
    share = torch.tensor(0.3)
    of_two = hardened(pair, None, torch.stack([1 - share, share]))[:, 1]
    assert (of_two != hardened(own, None, share)).float().mean() < 0.05


def test_the_guess_among_three_classes_is_the_most_probable_and_the_first_of_equal_ones() -> None:
    guess = np.eye(3)[[1, 0, 2, 0]]
    np.testing.assert_array_equal(hardened(torch.tensor(THREE)), guess)
    assert hardened(torch.tensor(THREE[:1])).tolist() == [[0, 1, 0]]  # which needs no median


def test_confidence_targets_of_three_classes_mix_labels_and_guess_and_pass_no_gradient() -> None:
    guess, z = np.eye(3)[[1, 0, 2, 0]], torch.tensor(THREE, requires_grad=True)
    mixed = target(Confidence(weight=0.25, ramp=0), torch.tensor(SOFT), z, 0.0)
    assert not mixed.requires_grad
    expected = 0.75 * SOFT + 0.25 * guess
    np.testing.assert_allclose(mixed, expected)
    cross_entropy(z, mixed).backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    np.testing.assert_allclose(z.grad, (softmax(THREE) - expected) / 4)


def test_naive_targets_are_the_weak_labels() -> None:
    assert target(Naive(), LABELS, logits(), 0.5) is LABELS


def test_confidence_targets_mix_weak_labels_and_the_guess() -> None:
    # The guess is 1 for the two largest logits, the first and the last.
    mixed = target(Confidence(weight=0.25, ramp=0), LABELS, logits(), 0.0)
    torch.testing.assert_close(mixed, 0.75 * LABELS + 0.25 * torch.tensor([1.0, 0.0, 0.0, 1.0]))


def test_no_gradient_flows_through_the_guess() -> None:
    z = logits()
    mixed = target(Confidence(weight=1.0, ramp=0), LABELS, z, 0.5)
    assert not mixed.requires_grad
    cross_entropy(z, mixed).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(z.grad, (torch.sigmoid(z.detach()) - torch.tensor([1.0, 0.0, 0.0, 1.0])) / 4)


def test_weight_zero_gives_the_weak_labels_bit_for_bit() -> None:
    assert torch.equal(target(Confidence(weight=0), LABELS, logits(), 0.7), LABELS)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 32, 33])
def test_exactly_the_lower_half_of_the_batch_is_labelled_1(size: int) -> None:
    generator = torch.Generator().manual_seed(size)
    assert hardened(torch.randn(size, generator=generator)).sum() == size // 2


@pytest.mark.parametrize("tied", [[0, 0, 0, 0], [0, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1]])
def test_ties_never_label_more_than_half(tied: list[float]) -> None:
    assert hardened(torch.tensor(tied, dtype=torch.float32)).sum() <= len(tied) // 2


def test_a_batch_of_one_has_no_median() -> None:
    with pytest.raises(ValueError, match="at least two"):
        hardened(torch.zeros(1))


def test_the_ramp_starts_at_zero_rises_linearly_and_stays() -> None:
    method = Confidence(weight=0.8, ramp=0.2)
    weights = [confidence_weight(method, progress) for progress in (0, 0.05, 0.1, 0.2, 0.6, 1)]
    assert weights == pytest.approx([0, 0.2, 0.4, 0.8, 0.8, 0.8])


def test_the_ramp_has_no_jump_at_its_end() -> None:
    method = Confidence(weight=0.5, ramp=0.1)
    assert confidence_weight(method, 0.1 - 1e-9) == pytest.approx(confidence_weight(method, 0.1), abs=1e-7)


def test_a_ramp_over_the_whole_training_ends_at_the_weight() -> None:
    assert confidence_weight(Confidence(weight=0.5, ramp=1), 1.0) == 0.5


def test_no_ramp_is_the_full_weight_at_once() -> None:
    assert confidence_weight(Confidence(weight=0.5, ramp=0), 0.0) == 0.5


def test_naive_has_no_confidence_weight() -> None:
    assert confidence_weight(Naive(), 0.5) is None
