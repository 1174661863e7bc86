"""The fork server: a process that has imported torch, computes nothing, and forks trainers, without start-up time.

Its standard input is a socket. A request is the store's path, with the trainer's standard input, output and error as file
descriptors. The response is two lines: the trainer's process id, and at its end its exit status (negative for a signal).
"""

import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial

from training import preload

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
LONGEST_PATH = 4096
FORKS = sys.platform == "linux"
"""Other systems have libraries that may break in a fork that does not exec another program at once."""


def die_with_parent(sig: signal.Signals) -> None:
    """Have the kernel send ``sig`` to this child when the thread that started it ends, for whatever reason."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sig)


def serve(train: Callable[[str], int]) -> None:
    """Serve requests: fork a process that calls ``train`` with the store's path and exits with the returned code.

    A fork has only the calling thread. Nothing may be computed in this process: threads that torch started would be missing in
    the trainer, and a GPU that was initialized here could not be used there.
    """
    if FORKS:
        preload()
        gc.freeze()  # a collection in a trainer would write to, and so copy, all the pages that it shares with this process
    with socket.socket(fileno=os.dup(0)) as connection:
        while True:
            store, descriptors, _, _ = socket.recv_fds(connection, LONGEST_PATH, 3)
            if not store:
                return
            pid = _fork(partial(train if FORKS else _exec_trainer, os.fsdecode(store)), descriptors, connection)
            for descriptor in descriptors:
                os.close(descriptor)
            connection.sendall(f"{pid}\n".encode())
            _, status = os.waitpid(pid, 0)
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _fork(work: Callable[[], int], descriptors: list[int], connection: socket.socket) -> int:
    """Fork a process in a process group of its own, which ends with this one, and return its id."""
    server = os.getpid()
    if pid := os.fork():
        os.setpgid(pid, pid)  # here too, so that the group exists before it can be signalled
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        die_with_parent(signal.SIGTERM)
        if os.getppid() != server:  # the parent died first
            return os._exit(1)
        connection.close()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        name_process("execute")
        code = work()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _exec_trainer(store: str) -> int:
    os.execv(sys.executable, [sys.executable, "-m", "training", "execute", "--store", store])


def name_process(name: str) -> None:
    """Set the name that ``ps`` and ``top`` show for this process; its first 15 bytes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
