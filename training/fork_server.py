"""A process that has imported torch and computes nothing: it forks a trainer for each run, which so starts at once.

It is told what to train on its standard input, a socket: the store's path, with the trainer's standard input, output and error as
file descriptors. It answers with two lines, the trainer's process id and in the end its exit status (negative for a signal).
"""

import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial

from training import warm_up

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
LONGEST_PATH = 4096
FORKS = sys.platform == "linux"
"""Elsewhere libraries of the system may break in a fork that does not become another program at once."""


def die_with_parent(sig: signal.Signals) -> None:
    """For a child: the kernel sends it ``sig`` when the thread that started it ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sig)


def serve(train: Callable[[str], int]) -> None:
    """Forks a process that calls ``train`` with a store's path and exits with what it returns, for each who asks.

    A fork has the one thread that called it. So nothing may be computed here: threads that torch had started would be missing in
    the trainer, and a GPU that was looked at here could not be used there.
    """
    if FORKS:
        warm_up()
        gc.freeze()  # a collection in a trainer would write to, and so copy, all the pages that it shares with this process
    with socket.socket(fileno=os.dup(0)) as door:
        while True:
            store, descriptors, _, _ = socket.recv_fds(door, LONGEST_PATH, 3)
            if not store:
                return
            pid = _fork(partial(train if FORKS else _train_anew, os.fsdecode(store)), descriptors, door)
            for descriptor in descriptors:
                os.close(descriptor)
            door.sendall(f"{pid}\n".encode())
            _, status = os.waitpid(pid, 0)
            door.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _fork(work: Callable[[], int], descriptors: list[int], door: socket.socket) -> int:
    """A process in a group of its own, which ends with this one. Its id."""
    server = os.getpid()
    if pid := os.fork():
        os.setpgid(pid, pid)  # here too, so that the group is there before anybody signals it
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        die_with_parent(signal.SIGTERM)
        if os.getppid() != server:  # it died before that
            return os._exit(1)
        door.close()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        _name("execute")
        code = work()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _train_anew(store: str) -> int:
    os.execv(sys.executable, [sys.executable, "-m", "training", "execute", "--store", store])


def _name(name: str) -> None:
    """What ``ps`` and ``top`` call this process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
