"""A role looks the same everywhere, and no two methods of an experiment look alike."""

from webapp.charts.roles import CEILING, WEAK, student_looks


def test_each_kind_has_its_colour_whatever_the_order() -> None:
    assert [look.token for look in student_looks(["confidence", "naive"])] == ["conf", "naive"]


def test_methods_of_one_kind_share_the_colour_and_differ_in_dash() -> None:
    looks = student_looks(["naive", "confidence", "confidence", "confidence"])
    assert [look.token for look in looks] == ["naive", "conf", "conf", "conf"]
    assert len({str(look.dash) for look in looks}) == 4


def test_a_kind_without_a_colour_of_its_own_is_a_student_blue_too() -> None:
    known, new = student_looks(["confidence", "something-new"])
    assert new.token in {"naive", "conf"}
    assert new.dash != known.dash


def test_no_student_looks_like_supervisor_or_ceiling() -> None:
    assert not {look.token for look in student_looks(["naive", "confidence", "x"])} & {WEAK.token, CEILING.token}
