"""The API keeps the contract of its OpenAPI document for any request, with a token and without one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS, load_all_checks

from tests.factories.explored_experiments import explored, ids_of
from tests.factories.https_workers import NAME, HttpsWorker
from tests.factories.workers import a_worker
from training.base_models import REFUSED
from webapp.accounts.tokens import make, make_token
from webapp.api.urls import api
from webapp.notes.services import note
from webapp.organising.services import create_project, save_view
from webapp.shares.links import make_link
from webapp.shares.models import Share

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # WSGI is synchronous

EXAMPLES = 6
"""The number of requests for each operation; the requests are the same every time."""

schema = schemathesis.openapi.from_dict(json.loads(json.dumps(api.get_openapi_schema())))
schema.app = get_wsgi_application()
schema.config.generation.update(allow_extra_parameters=False)  # what no operation asks for is ignored, as everywhere on the web
few_requests = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

load_all_checks()
REJECTED = CHECKS.get_one("negative_data_rejection")
"""The check that invalid requests are refused, which is useless where invalid parts are replaced."""
ACCEPTED = CHECKS.get_one("positive_data_acceptance")
"""The check that valid requests are accepted, which cannot hold for unknown experiments, used keys and wrong files."""


@pytest.fixture(autouse=True)
def single_connection() -> Iterator[None]:
    """Requests share the test's transaction, which the end of a request would close."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def known(owner: User) -> dict[str, int | str]:
    """Create one existing object of each kind that a path can name."""
    experiment = explored(owner)
    run = experiment.runs.order_by("pk")[0]
    share = Share.objects.create(experiment=experiment, owner=owner, title="A share", choices={})
    link, _ = make_link(share, owner)
    token, _ = make(owner, "some")
    numbers = {"experiment_id": experiment.pk, "run_id": run.pk, "example_id": ids_of("test")[0]}
    numbers |= {"note_id": note(owner, run.run_spec.fingerprint, numbers["example_id"], "Both readings.").pk}
    numbers |= {"worker_id": a_worker().pk, "project_id": create_project(owner, "Paper").pk}
    numbers |= {"view_id": save_view(owner, "Finished", "state=finished", shared=False).pk}
    numbers |= {"link_id": link.pk, "token_id": token.pk}
    return {**numbers, "tag": "ambiguous", "name": "movie-reviews", "slug": share.slug, "worker": NAME}


@schema.parametrize()
@few_requests
def test_with_a_token_every_answer_is_as_documented(case: Any, owner: User, known: dict[str, int | str]) -> None:
    allowed, named = [ACCEPTED], case.path_parameters or {}
    if len(str(named)) % 2:  # half of the requests are about something that is there
        named.update({name: known[name] for name in named if name in known})
        allowed.append(REJECTED)
    secret = HttpsWorker().secret if case.operation.path.startswith("/api/v1/work/") else make_token(owner)
    case.call_and_validate(headers={"Authorization": f"Bearer {secret}"}, excluded_checks=allowed)


@schema.parametrize()
@settings(few_requests, max_examples=2)
def test_without_a_token_nothing_is_told(case: Any, owner: User) -> None:
    answer = case.call(headers={"Authorization": "Bearer nothing"})
    if answer.status_code != 401:  # an address with what no text may have is refused before anybody asks who sent it
        refusal = answer.status_code, answer.json()["errors"][0]["message"]
        assert refusal in ((400, REFUSED), (404, "There is nothing here, or it is not yours to see."))  # a line break in a name
    case.validate_response(answer, excluded_checks=[ACCEPTED])
