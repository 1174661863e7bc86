"""The cost of a view of a result page, with charts made anew for every view and with those that are kept.

DATA_DIR=... python -m tests.benchmarks.charts 1: processor time of the page of that experiment and of its diagnostics, in
milliseconds, the median of ten views in this process.
"""

import os
import statistics
import sys
import time

import django


def main(pk: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    from webapp.charts.cache import CHARTS

    page = Client(SERVER_NAME="127.0.0.1")
    page.force_login(User.objects.filter(is_superuser=True)[0])
    for path in (f"/experiments/{pk}/", f"/experiments/{pk}/diagnostics/"):
        for name in ("made anew", "kept"):
            took = []
            for _ in range(11):
                if name == "made anew":
                    CHARTS.clear()
                before = time.process_time()
                assert page.get(path).status_code == 200
                took.append(1000 * (time.process_time() - before))
            print(f"{path} {name}: {statistics.median(took[1:]):.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]))
