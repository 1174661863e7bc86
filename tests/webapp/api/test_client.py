"""The Python client with the API in the same process."""

from collections.abc import Iterator

import httpx2
import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored
from tests.factories.lab_clients import lab_client, lab_of
from training.client import Lab, Refused
from training.environment import SettingError
from webapp.experiments.models import Experiment

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


@pytest.fixture
def lab(owner: User) -> Iterator[Lab]:
    with lab_client(owner) as lab:
        yield lab


def test_an_experiment_is_renamed_shared_and_deleted(lab: Lab, owner: User) -> None:
    experiment = lab.experiment(explored(owner).pk)
    assert experiment.rename("Another name").data["name"] == "Another name"
    address = experiment.share({"title": "By script"}, name="reviewers", days=3)
    [share] = lab.ask("GET", "shares")
    assert (share["title"], [link["name"] for link in share["links"]]) == ("By script", ["reviewers"])
    experiment.delete()
    assert not Experiment.objects.exists()
    with pytest.raises(Refused, match="nothing here"):
        experiment.refresh()
    assert Client().get(address.removeprefix("http://testserver")).status_code == 200


def test_who_has_asked_too_often_asks_again_when_told_to_and_not_for_ever() -> None:
    requests: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request.url.path)
        if len(requests) < 3:
            return httpx2.Response(429, json={"errors": [{"path": "", "message": "Too often."}]}, headers={"Retry-After": "0"})
        return httpx2.Response(200, json={"done": True})

    lab = lab_of("a token", httpx2.MockTransport(answer))
    assert lab.ask("GET", "shares") == {"done": True}
    assert requests == ["/api/v1/shares"] * 3
    always = lab_of("a token", httpx2.MockTransport(lambda request: httpx2.Response(429, headers={"Retry-After": "0"})))
    with pytest.raises(Refused, match="429"):
        always.ask("GET", "shares")


@pytest.mark.parametrize("token", ["", " "])
def test_a_token_that_is_missing_is_asked_for(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_TOKEN", token)
    with pytest.raises(SettingError, match="Set W2S_TOKEN to an API token of the laboratory"):
        Lab("http://127.0.0.1:9")
