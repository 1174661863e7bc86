"""Registered data sets of images on the Hub. The names of their classes are read from the features of the source."""

from training.catalog.registry import UNSURE, Registered


def _pictured(
    title: str, source: tuple[str, str, tuple[str, ...]], columns: tuple[str, str], citation: str, licence: str = UNSURE
) -> Registered:
    repository, config, splits = source
    group = "the same pixels"
    return Registered(title, repository, config, splits, "", "", group, citation, licence, pictures=columns)


PICTURED: dict[str, Registered] = {
    "cifar10": _pictured(
        "CIFAR-10",
        ("uoft-cs/cifar10", "plain_text", ("train", "test")),
        ("img", "label"),
        "Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images",
    ),
    "tiny-imagenet": _pictured(
        "Tiny ImageNet",
        ("zh-plus/tiny-imagenet", "default", ("train", "valid")),
        ("image", "label"),
        "Le & Yang (2015), Tiny ImageNet Visual Recognition Challenge, CS 231N",
    ),
}
