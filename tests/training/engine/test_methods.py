"""Every loss, by value and gradient, against NumPy in double precision and differences of it, on random batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from training.engine.logits import most_probable
from training.engine.losses import confidence_weight, cross_entropy, hardened, loss, target
from training.spec.methods import METHODS, Anchored, Method
from training.spec.methods.losses import (
    AdaptConf,
    AdaptConfCorrected,
    Cace,
    Confidence,
    ConfidenceBuffer,
    ConfidenceRelease,
    Entropy,
    EntropyRelease,
    Naive,
    Product,
    ReverseCrossEntropy,
    ReverseKL,
    Symmetric,
    Window,
)

Array = np.ndarray[Any, np.dtype[np.float64]]
Formula = Callable[[Array, Array], Array]
"""The loss of each example (n,) for logits and weak labels (n, K). What has no gradient is a constant in it."""

N = 12
PROGRESS, STEP = 0.5, 50


def softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Array = powers / powers.sum(axis=1, keepdims=True)
    return result


def ce(f: Array, w: Array) -> Array:
    result: Array = -(w * np.log(f)).sum(axis=1)
    return result


def rce(f: Array, w: Array, e: float) -> Array:
    return ce(w * (1 - e) + e / w.shape[1], f)


def h(f: Array) -> Array:
    return ce(f, f)


def one_hot(of: Array) -> Array:
    result: Array = np.eye(of.shape[1])[of.argmax(axis=1)]
    return result


def upper_half(f: Array) -> Array:
    """The guess that half of the batch, the most probable, is of class 1; with more classes the most probable class."""
    if f.shape[1] > 2:
        return one_hot(f)
    upper = np.argsort(np.argsort(f[:, 1])) >= len(f) - len(f) // 2
    return np.stack([~upper, upper], axis=1).astype(float)


def by_prior(f: Array, share: float) -> Array:
    """The number of guesses of class 1 is the number below the quantile of the probabilities of class 0."""
    if f.shape[1] > 2:
        return one_hot(f)
    below = f[:, 0] < np.quantile(f[:, 0], share)
    return np.stack([~below, below], axis=1).astype(float)


def adaptive_loss(f: Array, w: Array, fixed: Array, temperature: float, sign: int) -> Array:
    top = fixed.max(axis=1) ** (1 / temperature)
    of_supervisor = (fixed * one_hot(w)).sum(axis=1) ** (1 / temperature)
    a = (of_supervisor if sign < 0 else top) / (of_supervisor + top)
    result: Array = (1 - a) * ce(f, w) + a * ce(f, one_hot(fixed))
    return result


def normalised(x: Array) -> Array:
    result: Array = x / x.sum(axis=1, keepdims=True)
    return result


# Of student f, weak labels w, and the student as a constant c.
FORMULAS: list[tuple[Method, Callable[[Array, Array, Array], Array]]] = [
    (Naive(), lambda f, w, c: ce(f, w)),
    (Naive(labels="hard"), lambda f, w, c: ce(f, one_hot(w))),
    (Confidence(weight=0.3, ramp=0.2), lambda f, w, c: 0.7 * ce(f, w) + 0.3 * ce(f, upper_half(c))),
    (
        Confidence(weight=0.3, ramp=1.0, threshold="prior"),
        lambda f, w, c: 0.85 * ce(f, w) + 0.15 * ce(f, by_prior(c, w[:, 1].mean())),
    ),
    (ConfidenceRelease(weight=0.3, ramp=0.1), lambda f, w, c: 0.7 * ce(f, w) + 0.3 * ce(f, by_prior(c, w[:, 1].mean()))),
    (ConfidenceBuffer(weight=0.3, ramp_steps=100), lambda f, w, c: 0.85 * ce(f, w) + 0.15 * ce(f, upper_half(c))),
    (ReverseCrossEntropy(smoothing=0.05), lambda f, w, c: rce(f, w, 0.05)),
    (ReverseKL(smoothing=0.05), lambda f, w, c: (f * np.log(f / (w * 0.95 + 0.05 / w.shape[1]))).sum(axis=1)),
    (Symmetric(reverse=0.4, smoothing=0.05), lambda f, w, c: ce(f, w) + 0.4 * rce(f, w, 0.05)),
    (Cace(margin=0.2, smoothing=0.05), lambda f, w, c: np.where(np.abs(w[:, 1] - 0.5) >= 0.2, ce(f, w), rce(f, w, 0.05))),
    (Product(supervisor=1.5, student=0.5), lambda f, w, c: ce(f, normalised(c**0.5 * w**1.5))),
    (Entropy(weight=0.4, ramp_steps=100), lambda f, w, c: 0.8 * ce(f, w) + 0.2 * h(f)),
    (EntropyRelease(weight=0.4, ramp_steps=100), lambda f, w, c: 0.8 * ce(f, w) + 0.2 * ce(f, c)),
    (Window(radius=0.3), lambda f, w, c: ce(f, w) * (c.max(axis=1) < 0.8)),
    (AdaptConf(temperature=0.7), lambda f, w, c: adaptive_loss(f, w, c, 0.7, -1)),
    (AdaptConfCorrected(temperature=0.7), lambda f, w, c: adaptive_loss(f, w, c, 0.7, +1)),
]


def batch(classes: int, seed: int = 0) -> tuple[Array, Array]:
    """Logits and weak labels (n, K); with two classes the logits of class 0 are zeros."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2, size=(N, classes))
    if classes == 2:
        logits[:, 0] = 0
    return logits, softmax(rng.normal(scale=1.5, size=(N, classes)))


def ours(method: Method, logits: Array, labels: Array) -> tuple[float, Array]:
    """Value and gradient (n,) or (n, K)."""
    two = logits.shape[1] == 2
    z = torch.tensor(logits[:, 1] if two else logits, requires_grad=True)
    w = torch.tensor(labels[:, 1] if two else labels)
    wanted = target(method, w, z, PROGRESS, step=STEP)
    assert not wanted.requires_grad
    value = loss(method, z, wanted, PROGRESS, STEP)
    value.backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    return value.item(), z.grad.numpy()


CASES = [
    pytest.param(method, formula, classes, id=f"{method!r}, {classes} classes")
    for method, formula in FORMULAS
    for classes in (2, 4)
    if classes == 2 or not (method.two_classes or "prior" in method.model_dump().values())
]


@pytest.mark.parametrize(("method", "formula", "classes"), CASES)
def test_value_and_gradient_are_those_of_the_formula(
    method: Method, formula: Callable[[Array, Array, Array], Array], classes: int
) -> None:
    logits, labels = batch(classes)
    value, gradient = ours(method, logits, labels)
    fixed = softmax(logits)
    assert value == pytest.approx(formula(fixed, labels, fixed).mean(), rel=1e-5)
    moved = np.zeros_like(logits)
    for index in np.ndindex(*logits.shape):
        step = np.zeros_like(logits)
        step[index] = 1e-5
        ends = [formula(softmax(logits + sign * step), labels, fixed).mean() for sign in (1, -1)]
        moved[index] = (ends[0] - ends[1]) / 2e-5
    np.testing.assert_allclose(gradient, moved[:, 1] if classes == 2 else moved, atol=1e-6)


def test_a_method_without_a_formula_here_has_the_loss_of_naive() -> None:
    others = set(METHODS) - {type(method) for method, _ in FORMULAS} - {Anchored}
    assert others
    for kind in others:
        logits, labels = batch(3)
        value, gradient = ours(kind(), logits, labels)  # type: ignore[arg-type]
        expected, naive = ours(Naive(), logits, labels)
        assert value == expected
        np.testing.assert_array_equal(gradient, naive)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_anchored_loss_makes_no_guess_of_rows_whose_truth_is_known(classes: int) -> None:
    logits, labels = batch(classes)
    known = np.arange(N) % 3 == 0
    labels[known] = one_hot(labels[known])
    guess = upper_half(softmax(logits))
    two = classes == 2
    z, w = (torch.tensor(tensor[:, 1] if two else tensor) for tensor in (logits, labels))
    wanted = target(Anchored(weight=0.4, ramp=0), w, z, PROGRESS, truth=torch.tensor(known))
    expected = np.where(known[:, None], labels, 0.6 * labels + 0.4 * guess)
    np.testing.assert_allclose(wanted, expected[:, 1] if two else expected)


@pytest.mark.parametrize(
    "method",
    [
        *(kind(weight=0) for kind in (Confidence, ConfidenceRelease, ConfidenceBuffer, EntropyRelease, Entropy)),
        *(Product(student=0), Symmetric(reverse=0), Cace(margin=0), Window(radius=0.5)),
    ],
    ids=repr,
)
def test_without_what_it_adds_a_method_is_naive(method: Method) -> None:
    logits, labels = batch(2)
    value, gradient = ours(method, logits, labels)
    expected, naive = ours(Naive(), logits, labels)
    assert value == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(gradient, naive, atol=1e-12)


def test_the_released_entropy_moves_the_student_exactly_as_naive_does_and_less() -> None:
    logits, labels = batch(2)
    _, released = ours(EntropyRelease(weight=0.4, ramp_steps=0), logits, labels)
    _, naive = ours(Naive(), logits, labels)
    np.testing.assert_allclose(released, 0.6 * naive, atol=1e-12)


def test_reverse_losses_leave_a_confident_disagreement_alone_and_cross_entropy_does_not() -> None:
    """The student says 1 with log-odds -6, its weak label is .9: the gradients that algebra gives for one example."""
    z, w, f = -6.0, 0.9, 1 / (1 + np.exp(6.0))
    logits, labels = np.array([[0.0, z]]), np.array([[1 - w, w]])
    smooth = 1e-9
    for method, expected in (
        (Naive(), f - w),
        (ReverseCrossEntropy(smoothing=smooth), -np.log(w / (1 - w)) * f * (1 - f)),
        (ReverseKL(smoothing=smooth), f * (1 - f) * (z - np.log(w / (1 - w)))),
    ):
        _, (gradient,) = ours(method, logits, labels)
        assert gradient == pytest.approx(expected, rel=1e-6)


def test_reverse_kl_is_least_at_the_smoothed_weak_label() -> None:
    _, labels = batch(3)
    _, gradient = ours(ReverseKL(smoothing=0.2), np.log(0.8 * labels + 0.2 / 3), labels)
    np.testing.assert_allclose(gradient, 0, atol=1e-12)


def test_the_product_settles_where_it_should_below_one_and_nowhere_at_one() -> None:
    _, labels = batch(2)
    odds = np.log(labels[:, 1] / labels[:, 0])
    settled = np.stack([np.zeros(N), 0.8 / (1 - 0.6) * odds], axis=1)
    _, gradient = ours(Product(supervisor=0.8, student=0.6), settled, labels)
    np.testing.assert_allclose(gradient, 0, atol=1e-9)
    far = np.stack([np.zeros(N), 3 * odds], axis=1)
    _, gradient = ours(Product(), far, labels)
    assert (np.sign(gradient) == -np.sign(odds)).all()  # still towards the supervisor's side


def test_a_sure_weak_label_gives_no_infinite_loss() -> None:
    for kind in METHODS:
        value, gradient = ours(kind(), np.array([[0.0, 30.0], [0.0, -30.0]]), np.array([[1.0, 0.0], [1.0, 0.0]]))  # type: ignore[arg-type]
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize(("kind", "limit"), [(AdaptConf, 0.0), (AdaptConfCorrected, 1.0)])
def test_where_the_student_surely_disagrees_the_published_sign_follows_the_supervisor_and_the_corrected_one_itself(
    kind: type[AdaptConf] | type[AdaptConfCorrected], limit: float
) -> None:
    logits, labels = np.array([[0.0, 12.0]]), np.array([[0.7, 0.3]])
    value, _ = ours(kind(), logits, labels)
    f = softmax(logits)
    assert value == pytest.approx(((1 - limit) * ce(f, labels) + limit * ce(f, one_hot(f)))[0], abs=1e-4)


def test_the_released_ramp_climbs_to_a_tenth_and_jumps() -> None:
    method = ConfidenceRelease(weight=0.5, ramp=0.1)
    weights = [confidence_weight(method, progress) for progress in (0, 0.05, 0.1, 0.1001, 0.9)]
    assert weights == pytest.approx([0, 0.025, 0.05, 0.5, 0.5])


@pytest.mark.parametrize("kind", [ConfidenceBuffer, Entropy, EntropyRelease])
def test_a_ramp_in_steps_rises_linearly_and_stays(kind: Any) -> None:
    weights = [confidence_weight(kind(weight=0.8, ramp_steps=100), 0.9, step) for step in (0, 50, 100, 5000)]
    assert weights == pytest.approx([0, 0.4, 0.8, 0.8])
    assert confidence_weight(kind(weight=0.8, ramp_steps=0), 0.0, 0) == 0.8


@pytest.mark.parametrize(("share", "ones"), [(0.0, 0), (0.25, 25), (0.5, 50), (0.9, 90), (1.0, 100)])
def test_a_guess_by_the_prior_has_about_the_share_of_the_weak_labels(share: float, ones: int) -> None:
    logits = torch.randn(100, generator=torch.Generator().manual_seed(1))
    assert abs(int(hardened(logits, prior=torch.tensor(share)).sum()) - ones) <= 1


def test_a_guess_of_a_share_of_the_batch_is_that_of_the_whole_batch() -> None:
    logits, labels = (torch.tensor(tensor[:, 1]) for tensor in batch(2))
    for method in (Confidence(ramp=0), Confidence(ramp=0, threshold="prior"), ConfidenceRelease(ramp=0)):
        whole = target(method, labels, logits, 0.5)
        shares = [target(method, labels[at::2], logits[at::2], 0.5, logits, prior=labels.mean()) for at in (0, 1)]
        assert torch.equal(torch.stack(shares, dim=1).reshape(-1), whole)


def test_hard_labels_are_one_above_one_half_and_the_first_of_the_most_probable() -> None:
    assert most_probable(torch.tensor([0.2, 0.5, 0.51])).tolist() == [0, 0, 1]
    assert most_probable(torch.tensor([[0.4, 0.4, 0.2], [0.1, 0.3, 0.6]])).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_the_mean_over_nothing_is_zero_and_has_a_gradient() -> None:
    for kind in METHODS:
        z = torch.zeros(0, requires_grad=True)
        value = loss(kind(), z, torch.zeros(0), 0.5, 50)  # type: ignore[arg-type]
        assert value.item() == 0
        value.backward()  # type: ignore[no-untyped-call]
    assert cross_entropy(torch.zeros(0), torch.zeros(0)).item() == 0
