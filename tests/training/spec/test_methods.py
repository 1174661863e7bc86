"""The methods' words: what the form, the charts and docs/methods.md say of each of them."""

from pathlib import Path

import pytest

from training.spec.methods import METHODS

PAGE = (Path(__file__).resolve().parents[3] / "docs/methods.md").read_text()


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.model_fields["kind"].default)
def test_the_page_of_methods_names_it_with_its_title_and_its_classes(kind: type) -> None:
    name, title = kind.model_fields["kind"].default, kind.model_fields["kind"].title  # type: ignore[attr-defined]
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {title} | `{name}` |")]
    assert line.rstrip(" |").endswith("| 2") == kind.two_classes  # type: ignore[attr-defined]


def test_a_title_has_no_comma_since_settings_follow_one_and_is_short_enough_for_a_chart() -> None:
    titles = [kind.model_fields["kind"].title or "" for kind in METHODS]
    assert len(set(titles)) == len(METHODS)
    assert not [title for title in titles if "," in title]
    assert max(len(kind.short or title) for kind, title in zip(METHODS, titles, strict=True)) <= 25


@pytest.mark.parametrize("kind", ["confidence-release", "entropy-release", "adaptconf"])
def test_a_method_with_a_published_mistake_says_so_where_it_is_chosen_and_names_the_corrected_one(kind: str) -> None:
    (variant,) = [method for method in METHODS if method.model_fields["kind"].default == kind]
    said = " ".join(info.description or "" for info in variant.model_fields.values())
    assert "kept here" in said
    others = [method.model_fields["kind"].title or "" for method in METHODS if method is not variant]
    assert any(f"method {title}" in said for title in others)
