"""Examples in the API are those of the page."""

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored, ids_of
from webapp.accounts.tokens import make_token
from webapp.experiments.models import Experiment
from webapp.notes import services

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(owner)}"})


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return explored(owner)


def get(client: Client, experiment: Experiment, rest: str = "") -> Any:
    return client.get(f"/api/v1/experiments/{experiment.pk}/examples{rest}")


def test_pages_follow_each_other_until_every_example_has_come_once(client: Client, experiment: Experiment) -> None:
    page = get(client, experiment, "?sort=blind").json()
    ids = [example["id"] for example in page["examples"]]
    while page["after"]:
        page = get(client, experiment, f"?sort=blind&after={page['after']}").json()
        ids += [example["id"] for example in page["examples"]]
    assert sorted(map(int, ids)) == sorted(ids_of("test"))
    assert sum(page["counts"]["cells"].values()) == 300


def test_counts_are_of_the_view_and_cells_of_all_it_lets_through(client: Client, experiment: Experiment) -> None:
    counts = get(client, experiment, "/counts?cell=5&cell=6&gold=1").json()
    assert counts["rows"] == counts["cells"]["5"] + counts["cells"]["6"]
    assert counts["accuracy"]["student"] is None, "the cells decide it"
    assert counts["accuracy"]["ceiling"]["value"] == pytest.approx(counts["cells"]["5"] / counts["rows"])
    assert counts["agreement_where_weak_right"] is None
    assert counts["models"]["student"] == experiment.triplets[1]["student"]


def test_one_example_has_its_tags_and_notes(client: Client, experiment: Experiment, owner: User) -> None:
    example_id, fingerprint = ids_of("test")[0], experiment.runs.all()[0].run_spec.fingerprint
    services.tag(owner, fingerprint, example_id, "ambiguous")
    services.note(owner, fingerprint, example_id, "Both readings.")
    answer = get(client, experiment, f"/{example_id}").json()
    assert answer["example"]["tags"] == ["ambiguous"]
    assert [(note["text"], note["author"]) for note in answer["notes"]] == [("Both readings.", "ada")]


def test_locked_examples_are_in_no_answer(client: Client, experiment: Experiment) -> None:
    assert get(client, experiment, "?split=locked").status_code == 422
    assert get(client, experiment, f"/{ids_of('locked')[0]}").status_code == 404
    for split in ("test", "transfer"):
        lines = b"".join(get(client, experiment, f"/export?how=jsonl&split={split}")).splitlines()
        assert sorted(int(json.loads(line)["id"]) for line in lines) == sorted(ids_of(split))


def test_an_export_is_the_view(client: Client, experiment: Experiment) -> None:
    answer = get(client, experiment, "/export?how=csv&cell=5&q=the")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert len(rows) == get(client, experiment, "/counts?cell=5&q=the").json()["rows"]
    assert "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("query", "path"), [("?cell=12", "cell.0"), ("?q=(&mode=regex", "q"), ("?sort=worst", "sort"), ("?celll=1", "celll")]
)
def test_what_is_no_view_is_named(client: Client, experiment: Experiment, query: str, path: str) -> None:
    answer = get(client, experiment, query)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


def test_nobody_reads_without_a_token(experiment: Experiment) -> None:
    for rest in ("", "/counts", "/1", "/export?how=csv"):
        assert get(Client(), experiment, rest).status_code == 401
