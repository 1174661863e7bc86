"""The laboratory as one process tree: broker, web server, workers and recovery, started, supervised and stopped together."""

import contextlib
import fcntl
import gc
import importlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

from django.conf import settings
from django.core.management import call_command

from training.fork_server import FORKS
from webapp import broker, service_logs, static_files
from webapp.jobs import devices
from webapp.server_socket import host_of, listen, url_of
from webapp.service import Service

STOP_SECONDS = 15.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A client for this machine, which ignores proxies of the environment."""


class StackError(Exception):
    """The laboratory cannot be started here; the message has the reason."""


def proxy_options() -> list[str]:
    """Return uvicorn's options for proxies: by default it trusts the X-Forwarded headers of its own machine."""
    if not settings.TRUSTED_PROXIES:
        return ["--no-proxy-headers"]
    return ["--proxy-headers", "--forwarded-allow-ips", ",".join(settings.TRUSTED_PROXIES)]


def web_command(fd: int) -> list[str]:
    """Return the command of a web server that listens on an open socket."""
    web = [sys.executable, "-m", "uvicorn", "webapp.asgi:application", "--fd", str(fd), "--timeout-graceful-shutdown", "5"]
    web += ["--ws-ping-interval", "20", "--ws-ping-timeout", "20", "--no-access-log"]
    # Small frames for many receivers are not worth compressing, and pages send small frames only.
    web += ["--ws-max-size", str(2**20), "--ws-per-message-deflate", "false"]
    web += ["--http", "webapp.connections:HttpConnection", "--ws", "webapp.connections:SocketConnection"]
    return web + proxy_options()


SHARED_MODULES = ("webapp.jobs.tasks",)
"""Modules of the workers and of the recovery."""

CHORES_QUEUE = ("--queues", "chores")
"""Options of the light worker, which trains nothing."""


def worker_command(name: str, *options: str) -> list[str]:
    """Return the command of a worker, which does one piece of work at a time."""
    celery = [sys.executable, "-m", "celery", "-A", "webapp.celery", "--skip-checks", "worker"]  # they would import every page
    celery += ["--pool", "prefork", "--concurrency", "1", "--loglevel", "info", "--without-gossip", "--without-mingle"]
    return [*celery, "--hostname", f"{name}@%h", *options]


def workers(count: int) -> list[Service]:
    """Return ``count`` training workers, which share the cores and GPUs of this machine, and the light one."""
    shared = {"W2S_TRAINERS": os.environ.get("W2S_TRAINERS", str(count))}
    # SIGKILL: with a softer signal Celery would hang, waiting for the broker that died with this process.
    training = [
        Service(f"worker{index}", worker_command(f"worker{index}"), death=signal.SIGKILL, environment=shared | gpus)
        for index, gpus in enumerate(devices.shares(count))
    ]
    return [*training, Service("chores", worker_command("chores", *CHORES_QUEUE), death=signal.SIGKILL)]


def preload() -> None:
    """Load what several services need, before they are forked."""
    if FORKS:
        for module in SHARED_MODULES:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()  # a collection in a fork would write to, and so copy, all the pages that it shares with this process


@dataclass
class Stack:
    """The running laboratory as a context manager: on exit every process has ended."""

    host: str = "127.0.0.1"
    port: int | None = None
    workers: int = 1
    stopping: bool = False
    services: list[Service] = field(default_factory=list)
    url: str = ""

    @property
    def site(self) -> str:
        """The public address, which is that of the proxy if there is one."""
        return settings.SITE_URL or self.url

    def __enter__(self) -> "Stack":
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, self._on_signal)
        self._resources = contextlib.ExitStack()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        lock = self._resources.enter_context(self._lock())
        try:
            listener = self._resources.enter_context(listen(self.host, self.port))
        except OSError as error:
            raise StackError(str(error)) from error
        self.url = url_of(listener)
        if settings.REDIS_EMBEDDED:
            self._start_broker()
        call_command("migrate", verbosity=0, interactive=False)
        static_files.collect()
        settings.ALLOWED_HOSTS.append(host_of(listener))
        hosts = {"ALLOWED_HOSTS": ",".join(settings.ALLOWED_HOSTS)}
        preload()
        web = web_command(listener.fileno())
        self._add(Service("web", web, fds=(listener.fileno(),), environment=hosts, inherited=(lock,)))
        for service in [*workers(self.workers), Service("recover", [sys.executable, "-m", "webapp", "recover"])]:
            service.inherited = lock, listener
            self._add(service)
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {self.url}")
        lock.flush()
        self._wait_for_web()

    def _add(self, service: Service) -> Service:
        service.start()
        self.services.append(service)
        return service

    def _start_broker(self) -> None:
        try:
            service = self._add(Service("broker", broker.command(settings.DATA_DIR)))
            assert isinstance(service.process, subprocess.Popen)
            broker.wait(settings.DATA_DIR, service.process)
        except broker.BrokerError as error:
            raise StackError(str(error)) from error

    @contextlib.contextmanager
    def _lock(self) -> Iterator[IO[str]]:
        """Hold a lock for the life of this process, so that two stacks never share a data folder."""
        with (settings.DATA_DIR / "up.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                raise StackError(f"The laboratory already runs on {settings.DATA_DIR}: {lock.read()}") from error
            yield lock

    def _wait_for_web(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stopping:
            with contextlib.suppress(urllib.error.URLError, OSError), DIRECT.open(f"{self.url}/healthz", timeout=5):
                return
            self.mend()
            time.sleep(0.1)
        if not self.stopping:
            raise StackError(f"The web server did not answer; see {settings.LOG_DIR / 'web.log'}")

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stopping:
            self._kill()  # the second signal ends it at once
        self.stopping = True

    def _kill(self) -> None:
        for service in self.services:
            if service.process and service.process.poll() is None:
                os.killpg(service.process.pid, signal.SIGKILL)

    def mend(self) -> None:
        """Restart dead processes and limit the size of logs; to be called repeatedly."""
        for service in self.services:
            service.mend()
        service_logs.rotate_all()

    def serve(self) -> None:
        """Run until this process is requested to end."""
        while not self.stopping:
            self.mend()
            time.sleep(0.25)

    def __exit__(self, *_: object) -> None:
        """Stop web, workers and recovery first and the broker last, so that a worker can give its run back."""
        self.stopping = True
        deadline = time.monotonic() + STOP_SECONDS
        for last in (False, True):
            group = [service for service in self.services if (service.name == "broker") == last]
            for service in group:
                service.ask_to_stop()
            for service in group:
                service.stop(deadline)
        self._resources.close()
