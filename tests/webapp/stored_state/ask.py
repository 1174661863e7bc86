"""Open the laboratory in DATA_DIR with today's code and print what its interfaces answer, as JSON.

The arguments are the path of a link to a share and the share's slug.
"""

import json
import os
import sys
from datetime import timedelta
from typing import Any

import django

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def answers(link: str, slug: str) -> dict[str, Any]:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client, override_settings
    from django.utils import timezone

    from tests.webapp.stored_state.page_numbers import numbers
    from webapp.accounts.tokens import make_token
    from webapp.experiments import results
    from webapp.experiments.models import Experiment
    from webapp.shares.models import Link

    call_command("migrate", verbosity=0)
    Link.objects.update(expires_at=timezone.now() + timedelta(days=1))
    account, visitor = (Client(headers={"host": "localhost"}) for _ in range(2))
    account.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    bearer = {"authorization": f"Bearer {make_token(User.objects.get())}"}

    def get(path: str) -> Any:
        answer = account.get(f"/api/v1{path}", headers=bearer)
        assert answer.status_code == 200, (path, answer.content)
        return answer.json()

    def page(client: Client, path: str) -> str:
        answer = client.get(path, follow=True)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.content.decode()

    with override_settings(STORAGES=STORAGES):
        page(visitor, link)
        opened = {
            "experiment": get("/experiments/1"),
            "events": {run["key"]: len(get(f"/runs/{run['run']}/events")["events"]) for run in get("/experiments/1")["runs"]},
            "counts": get("/experiments/1/examples/counts"),
            "shares": get("/shares"),
            "page": numbers(page(visitor, f"/shared/{slug}/")),
            "permalink": numbers(page(account, f"/shares/{slug}/")),
            "examples": page(visitor, f"/shared/{slug}/examples/"),
            "experiment_page": page(account, "/experiments/1/"),
        }
    Experiment.objects.update(result=None, result_runs=[])
    results.refresh_result(Experiment.objects.get())
    return opened | {"computed_again": get("/experiments/1")["result"]}


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    django.setup()
    sys.stdout.write(json.dumps(answers(*sys.argv[1:])))
