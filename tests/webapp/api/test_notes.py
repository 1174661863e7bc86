"""Tags and notes written in the API are those of the page."""

import pytest
from django.contrib.auth.models import User

from tests.factories.api_clients import api_of
from tests.factories.experiments import launched
from tests.factories.explored_experiments import explored, ids_of
from webapp.experiments.models import Experiment
from webapp.notes.models import WRONG


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return explored(owner)


def example(experiment: Experiment, split: str = "test") -> str:
    return f"/experiments/{experiment.pk}/examples/{ids_of(split)[0]}"


def test_a_tag_is_put_once_and_taken_away_however_it_is_written(experiment: Experiment, owner: User) -> None:
    ask, path = api_of(owner), example(experiment)
    assert ask("PUT", f"{path}/tags/%23Irony%2Fsarcasm") == (200, {"tags": ["irony/sarcasm"]})
    assert ask("PUT", f"{path}/tags/irony/sarcasm") == (200, {"tags": ["irony/sarcasm"]})
    assert ask("GET", path)[1]["example"]["tags"] == ["irony/sarcasm"]
    assert ask("DELETE", f"{path}/tags/Irony%2FSarcasm") == (200, {"tags": []})
    assert ask("DELETE", f"{path}/tags/irony/sarcasm") == (200, {"tags": []})


def test_a_note_is_read_by_all_and_taken_away_by_its_author_alone(experiment: Experiment, owner: User) -> None:
    ask, other, path = api_of(owner), api_of(User.objects.create_user("grace")), example(experiment)
    status, note = ask("POST", f"{path}/notes", {"text": "Both readings."})
    assert (status, note["text"], note["author"]) == (201, "Both readings.", "ada")
    assert other("DELETE", f"/notes/{note['id']}")[0] == 403
    assert other("GET", path)[1]["notes"] == [note]
    assert other("PATCH", f"/notes/{note['id']}", {"text": "Not so."})[0] == 403
    status, edited = ask("PATCH", f"/notes/{note['id']}", {"text": "One reading."})
    assert (status, edited["text"], note["edited_at"]) == (200, "One reading.", None)
    assert edited["edited_at"] > edited["at"]
    assert ask("PATCH", f"/notes/{note['id']}", {"text": " "})[0] == 422
    assert other("GET", path)[1]["notes"] == [edited]
    assert ask("DELETE", f"/notes/{note['id']}") == (204, None)
    assert ask("GET", path)[1]["notes"] == []


def test_what_is_no_tag_or_note_is_refused_by_its_field(experiment: Experiment, owner: User) -> None:
    ask, path = api_of(owner), example(experiment)
    status, answer = ask("PUT", f"{path}/tags/%3Cb%3E")
    assert (status, answer["errors"][0]["path"]) == (422, "tag")
    status, answer = ask("POST", f"{path}/notes", {"text": "  "})
    assert (status, answer["errors"]) == (422, [{"path": "text", "message": "Write something first."}])


def test_nothing_is_written_about_an_example_that_nobody_may_see(experiment: Experiment, owner: User) -> None:
    ask = api_of(owner)
    for split, query, status in (("locked", "", 404), ("transfer", "", 404), ("transfer", "?split=transfer", 200)):
        assert ask("PUT", f"{example(experiment, split)}/tags/ambiguous{query}")[0] == status
    assert ask("POST", f"{example(experiment, 'locked')}/notes", {"text": "Seen."})[0] == 404


def test_the_result_without_the_marked_examples_stands_beside_the_original(experiment: Experiment, owner: User) -> None:
    ask, path = api_of(owner), f"/experiments/{experiment.pk}/marked"
    assert ask("GET", path)[1]["result"] is None
    marked = ids_of("test")[:5]
    for example in marked:
        ask("PUT", f"/experiments/{experiment.pk}/examples/{example}/tags/{WRONG}")
    comparison = ask("GET", path)[1]
    assert (comparison["tag"], comparison["examples"]) == (WRONG, [str(example) for example in sorted(marked)])
    assert (comparison["original"]["test_rows"], comparison["result"]["test_rows"]) == (300, 295)


def test_without_a_result_there_is_none_without_the_marked(owner: User) -> None:
    status, answer = api_of(owner)("GET", f"/experiments/{launched(owner).pk}/marked")
    assert (status, answer["errors"][0]["message"]) == (404, "There is no result yet that could be computed again.")
