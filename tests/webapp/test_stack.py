"""The workers that the laboratory starts."""

import pytest

from webapp.stack import workers


def test_workers_of_one_machine_know_how_many_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("W2S_TRAINERS", raising=False)
    *training, light = workers(3)
    assert [service.environment for service in training] == [{"W2S_TRAINERS": "3"}] * 3
    assert light.name == "chores"


def test_a_number_that_the_environment_gives_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_TRAINERS", "8")  # another laboratory shares the machine
    assert workers(2)[0].environment == {"W2S_TRAINERS": "8"}
