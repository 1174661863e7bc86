"""The workers that the laboratory starts."""

import pytest

from webapp.stack import workers


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    for name in ("W2S_TRAINERS", "W2S_PROCESSES"):
        monkeypatch.delenv(name, raising=False)


def test_workers_of_one_machine_share_its_cores_and_take_turns_at_its_gpus() -> None:
    *training, light = workers(3)
    assert [service.environment["W2S_TRAINERS"] for service in training] == ["3", "3", "3"]
    assert [service.environment["CUDA_VISIBLE_DEVICES"] for service in training] == ["0", "1", "0"]
    assert (light.name, light.environment) == ("chores", {})


def test_a_number_of_trainers_that_the_environment_gives_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_TRAINERS", "8")  # another laboratory shares the machine
    assert workers(2)[0].environment["W2S_TRAINERS"] == "8"
