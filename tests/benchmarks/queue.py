"""Time of the server for the page of the queue with many queued runs: python -m tests.benchmarks.queue.

A database of its own in memory, five people, five hundred experiments or as many as --runs says, one run of each in the queue.
"""

import argparse
import os
import statistics
import tempfile
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--times", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        for name, made in (("experiments", options.runs), ("one experiment", 1)):
            measure(name, made, options.runs, options.times)


def measure(name: str, experiments: int, runs: int, times: int) -> None:
    from django.contrib.auth.models import User
    from django.test import Client
    from django.utils import timezone

    from training import ExperimentSpec, make_plan
    from webapp.experiments import services
    from webapp.experiments.models import Experiment, Part, Run, Status

    Experiment.objects.all().delete()
    Run.objects.all().delete()
    people = [User.objects.get_or_create(username=f"person{number}")[0] for number in range(5)]
    spec = ExperimentSpec(name="One of many", seeds=1)
    stored = next(iter(make_plan(spec).runs.values())).model_dump(mode="json")
    made = [services.create(people[number % 5], spec) for number in range(experiments)]
    Experiment.objects.update(launched_at=timezone.now())
    for number in range(runs):
        run = Run.objects.create(key=f"{number:064x}", spec=stored, status=Status.QUEUED, queued_at=timezone.now())
        Part.objects.create(experiment=made[number % experiments], run=run, role="weak", position=number)
    client = Client(headers={"host": "localhost"})
    client.force_login(people[0])
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        assert client.get("/queue/").status_code == 200
        taken.append(1000 * (time.perf_counter() - begun))
    taken.sort()
    p95 = taken[int(0.95 * (len(taken) - 1))]
    median = statistics.median(taken)
    print(f"{runs} queued runs of {experiments} {name}: median {median:.0f} ms, p95 {p95:.0f} ms, max {taken[-1]:.0f} ms")


if __name__ == "__main__":
    main()
