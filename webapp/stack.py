"""The whole laboratory as one process tree: broker, web server, workers and recovery, started, watched and stopped together."""

import contextlib
import fcntl
import os
import signal
import socket
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

from training.server import die_with_parent
from webapp import broker

DEFAULT_PORT = 8000
STOP_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 30.0


class StackError(Exception):
    """The laboratory cannot be started here; the message says why."""


@dataclass
class Service:
    """A child that is started again when it ends; ``death`` is what the kernel sends it when this process is killed."""

    name: str
    command: list[str]
    death: signal.Signals = signal.SIGTERM
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0

    def start(self) -> subprocess.Popen[bytes]:
        settings.LOG_DIR.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C in the terminal reaches this process alone, which stops the others in order.
        with (settings.LOG_DIR / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(self.death),
                pass_fds=self.fds,
                cwd=settings.BASE_DIR,
            )
        self.started = time.monotonic()
        return self.process

    def mend(self) -> None:
        """Starts it again when it has ended, at once the first time and then after growing pauses."""
        if self.process is None or self.process.poll() is None:
            return
        if time.monotonic() - self.started > LONGEST_PAUSE_SECONDS:
            self.deaths = 0
        pause = min(LONGEST_PAUSE_SECONDS, 2.0**self.deaths - 1)
        if time.monotonic() - self.started >= pause:
            self.deaths += 1
            self.start()

    def stop(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()


@dataclass
class Stack:
    """Use it as a context: everything runs inside, nothing is left behind."""

    host: str = "127.0.0.1"
    port: int | None = None
    workers: int = 1
    stopping: bool = False
    services: list[Service] = field(default_factory=list)
    url: str = ""

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
        listener = self._resources.enter_context(self._listen())
        self.url = f"http://{self.host}:{listener.getsockname()[1]}"
        if settings.REDIS_EMBEDDED:
            self._start_broker()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        python = [sys.executable, "-m"]
        web = ["uvicorn", "webapp.asgi:application", "--fd", str(listener.fileno()), "--timeout-graceful-shutdown", "5"]
        web += ["--ws-ping-interval", "20", "--ws-ping-timeout", "20", "--no-access-log"]
        # Small frames, sent to many, are not worth compressing; what pages send is small too.
        web += ["--ws-max-size", str(2**20), "--ws-per-message-deflate", "false"]
        web += ["--http", "webapp.server:HttpConnection", "--ws", "webapp.server:SocketConnection"]
        self._add(Service("web", [*python, *web], fds=(listener.fileno(),)))
        for index in range(self.workers):
            worker = ["celery", "-A", "webapp.celery", "worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "info"]
            worker += ["--hostname", f"worker{index}@%h", "--without-gossip", "--without-mingle"]
            # SIGKILL: asked nicely after the broker has died with us, Celery would hang while it says goodbye to it.
            self._add(Service(f"worker{index}", [*python, *worker], death=signal.SIGKILL))
        chores = ["celery", "-A", "webapp.celery", "worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "info"]
        chores += ["--queues", "chores", "--hostname", "chores@%h", "--without-gossip", "--without-mingle"]
        self._add(Service("chores", [*python, *chores], death=signal.SIGKILL))
        self._add(Service("recover", [sys.executable, str(settings.BASE_DIR / "manage.py"), "recover"]))
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
            assert service.process
            broker.wait(settings.DATA_DIR, service.process)
        except broker.BrokerError as error:
            raise StackError(str(error)) from error

    @contextlib.contextmanager
    def _lock(self) -> Iterator[IO[str]]:
        """Held for as long as this process lives, however it ends: two stacks never share a data folder."""
        with (settings.DATA_DIR / "up.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                raise StackError(f"The laboratory already runs on {settings.DATA_DIR}: {lock.read()}") from error
            yield lock

    def _listen(self) -> socket.socket:
        """The web server's socket, bound here so that a taken port is found before anything else is started."""
        ports = [*range(DEFAULT_PORT, DEFAULT_PORT + 10), 0] if self.port is None else [self.port]
        for port in ports:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.host, port))
                listener.listen(512)
            except OSError as error:
                listener.close()
                problem = error
            else:
                return listener
        raise StackError(f"Cannot listen on {self.host}:{self.port}: {problem}")

    def _wait_for_web(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stopping:
            with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return
            self.mend()
            time.sleep(0.1)
        if not self.stopping:
            raise StackError(f"The web server did not answer; see {settings.LOG_DIR / 'web.log'}")

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stopping:
            self._kill()  # asked twice: now
        self.stopping = True

    def _kill(self) -> None:
        for service in self.services:
            if service.process and service.process.poll() is None:
                os.killpg(service.process.pid, signal.SIGKILL)

    def mend(self) -> None:
        """Call it again and again: what has died is started again."""
        for service in self.services:
            service.mend()

    def serve(self) -> None:
        """Returns when somebody asks this process to end."""
        while not self.stopping:
            self.mend()
            time.sleep(0.25)

    def __exit__(self, *_: object) -> None:
        """Web, workers and recovery first, the broker last, so that a worker can give its run back."""
        self.stopping = True
        deadline = time.monotonic() + STOP_SECONDS
        for last in (False, True):
            group = [service for service in self.services if (service.name == "broker") == last]
            for service in group:
                service.ask_to_stop()
            for service in group:
                service.stop(deadline)
        self._resources.close()
