"""The same commands with REDIS_URL and DATABASE_URL set: they use PostgreSQL and a broker that listens on TCP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Postgres
from tests.lab import Lab, quick
from tests.servers import redis_server

FOLDS = """
from tests.factories.concurrent_folds import errors_of_concurrent_folds
print("errors:", errors_of_concurrent_folds())
"""


@pytest.fixture
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.mark.long
def test_an_experiment_runs_on_postgresql_and_a_broker_on_tcp_and_folds_of_shared_experiments_wait_for_each_other(
    tmp_path: Path, postgres: Postgres, redis_url: str
) -> None:
    with Lab(tmp_path, DATABASE_URL=postgres.url, REDIS_URL=redis_url) as lab:
        experiment = lab.finished(lab.launch(quick()))
        assert experiment["state"] == "finished"
        for run in experiment["runs"]:
            events = lab.events(run["run"])
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert not lab.processes("valkey-server")
        assert not list(tmp_path.glob("*.sqlite3"))
        assert lab.manage("shell", "-c", FOLDS).splitlines()[-1] == "errors: []"


@pytest.mark.long
def test_a_server_that_is_restarted_stops_no_training_and_one_that_is_away_for_long_has_the_run_handed_over(
    tmp_path: Path, postgres: Postgres
) -> None:
    small = {"models": ["bag-of-words"], "epochs": 400}
    with Lab(tmp_path, DATABASE_URL=postgres.url, LEASE_SECONDS="16", MAX_ATTEMPTS="1") as lab:
        pk = lab.launch(quick(weak=small, data={}))
        # Not the first run that makes steps: short ones are trained beside the supervisor, and have ended soon.
        run = lab.until(lambda: (weak := lab.run(pk, "weak"))["step"] > 0 and weak)["run"]
        before = len(lab.events(run))
        postgres.away(1)
        lab.until(lambda: len(lab.events(run)) > before + 2)
        kinds = [event["kind"] for event in lab.events(run)]
        assert (kinds.count("claimed"), kinds.count("lost"), kinds.count("released")) == (1, 0, 0)
        postgres.stop()
        lab.until(lambda: not lab.processes("training", "execute"))
        postgres.start()
        assert lab.finished(pk, 240)["state"] == "finished"
        events = lab.events(run)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        kinds = [event["kind"] for event in events]
        assert (kinds.count("claimed"), kinds.count("lost"), kinds.count("released"), kinds.count("finished")) == (2, 0, 1, 1)
