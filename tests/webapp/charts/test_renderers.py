"""Files are rendered a few at a time: requesters take turns, visitors never use all renderers, and each file is made once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from webapp.charts import file_cache
from webapp.charts.file_cache import FileCache
from webapp.charts.renderers import OF_ACCOUNT, OF_VISITOR, NotDrawn, Renderers, TooMany, rendering_for

LONG = 30.0


class Turns:
    """Renderings that end on command; ``begun`` has the names of those that have begun, in order."""

    def __init__(self, renderers: Renderers) -> None:
        self.renderers, self.begun = renderers, list[str]()
        self.changed = threading.Condition()
        self.ends: dict[str, threading.Event] = {}
        self.threads: list[threading.Thread] = []

    def ask(self, name: str, asker: str, visitor: bool = True) -> None:
        """Request a rendering, and return once it waits or has begun."""
        before = self._known()
        self.ends[name] = threading.Event()

        def work() -> None:
            with rendering_for(asker, visitor), self.renderers.turn(LONG):
                with self.changed:
                    self.begun.append(name)
                    self.changed.notify_all()
                self.ends[name].wait(LONG)

        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()
        with self.changed:
            assert self.changed.wait_for(lambda: self._known() > before, LONG)

    def _known(self) -> int:
        with self.renderers._lock:
            waiting = sum(map(len, self.renderers._queues.values()))
        threading.Timer(0.01, self._look_again).start()
        return waiting + len(self.begun)

    def _look_again(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def end(self, name: str, then: int) -> None:
        """End a rendering and wait until ``then`` renderings have begun."""
        self.ends[name].set()
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.begun) >= then, LONG)


@contextmanager
def turns(renderers: Renderers) -> Iterator[Turns]:
    opened = Turns(renderers)
    try:
        yield opened
    finally:
        for end in opened.ends.values():
            end.set()
        for thread in opened.threads:
            thread.join(LONG)


def test_a_requester_of_a_single_file_waits_for_a_single_file_of_others() -> None:
    with turns(Renderers(at_once=1)) as queue:
        for number in range(5):
            queue.ask(f"many {number}", "many")
        queue.ask("one", "one")
        queue.end("many 0", then=2)
        queue.end(queue.begun[-1], then=3)
        assert "one" in queue.begun


def test_visitors_never_have_all_renderers() -> None:
    with turns(Renderers(at_once=2, of_visitors=1)) as queue:
        for number in range(4):
            queue.ask(f"visitor {number}", f"visitor {number}")
        assert queue.begun == ["visitor 0"]
        queue.ask("freezing", "", visitor=False)
        assert queue.begun == ["visitor 0", "freezing"]
        queue.end("freezing", then=2)
        assert queue.begun == ["visitor 0", "freezing"]


def test_the_queue_of_visitors_has_an_end_and_accounts_still_come_in() -> None:
    renderers = Renderers(at_once=2, of_visitors=1, waiting=3)
    with turns(renderers) as queue:
        for number in range(4):
            queue.ask(str(number), str(number))
        with rendering_for("another", visitor=True), pytest.raises(TooMany), renderers.turn(LONG):
            raise AssertionError
        with rendering_for("account", visitor=False), renderers.turn(LONG):
            pass


def test_who_has_waited_too_long_leaves_the_queue() -> None:
    renderers = Renderers(at_once=1)
    with renderers.turn(LONG):
        with pytest.raises(NotDrawn, match="Try again in a minute"), renderers.turn(0.01):
            raise AssertionError
        assert not renderers._queues
    with renderers.turn(LONG):
        pass


@pytest.mark.parametrize(("visitor", "most"), [(True, OF_VISITOR), (False, OF_ACCOUNT)])
def test_a_requester_has_a_limited_number_of_requests_at_a_time(visitor: bool, most: int) -> None:
    renderers, asking = Renderers(), threading.Event()
    begun = threading.Semaphore(0)

    def work() -> None:
        with rendering_for("ada", visitor), renderers.request(), renderers.request():  # what renders within a request is no other
            begun.release()
            asking.wait(LONG)

    threads = [threading.Thread(target=work) for _ in range(most)]
    for thread in threads:
        thread.start()
        assert begun.acquire(timeout=LONG)
    with rendering_for("ada", visitor), pytest.raises(TooMany, match=f"{most} files are being made for you"), renderers.request():
        raise AssertionError
    with rendering_for("grace", visitor), renderers.request():
        pass
    asking.set()
    for thread in threads:
        thread.join(LONG)
    with rendering_for("ada", visitor), renderers.request():
        pass


class Made:
    """A file that counts how often it is made, and can be delayed."""

    def __init__(self, content: bytes = b"file") -> None:
        self.content, self.times, self.free, self.begun = content, 0, threading.Event(), threading.Semaphore(0)

    def __call__(self) -> bytes:
        self.times += 1
        self.begun.release()
        assert self.free.wait(LONG)
        return self.content


def in_thread(function: Callable[[], object], stack: ExitStack) -> list[object]:
    outcome: list[object] = []
    thread = threading.Thread(target=lambda: outcome.append(function()))
    thread.start()
    stack.callback(thread.join, LONG)
    return outcome


def test_a_file_that_many_ask_for_is_made_once() -> None:
    files, made = FileCache(100), Made()
    with ExitStack() as stack:
        outcomes = [in_thread(lambda: files.get((b"a",), made), stack) for _ in range(8)]
        assert made.begun.acquire(timeout=LONG)
        made.free.set()
    assert [outcome[0] for outcome in outcomes] == [b"file"] * 8
    assert files.get((b"a",), made) == b"file"
    assert made.times == 1


def test_an_account_does_not_wait_for_a_file_that_a_visitor_requested() -> None:
    files, slow, quick = FileCache(100), Made(), Made()
    quick.free.set()

    def visit() -> bytes:
        with rendering_for("visitor", visitor=True):
            return files.get((b"a",), slow)

    with ExitStack() as stack:
        in_thread(visit, stack)
        assert slow.begun.acquire(timeout=LONG)
        assert files.get((b"a",), quick) == b"file"
        slow.free.set()


def test_failures_are_tried_again_and_old_files_are_dropped() -> None:
    files = FileCache(10)

    def fails() -> bytes:
        raise NotDrawn("no")

    with pytest.raises(NotDrawn):
        files.get((b"a",), fails)
    made = {name: Made(b"x" * 6) for name in (b"a", b"b")}
    for name in (b"a", b"b", b"b", b"a"):
        made[name].free.set()
        assert files.get((name,), made[name]) == b"x" * 6
    assert (made[b"a"].times, made[b"b"].times) == (2, 1)


def test_files_of_different_sources_never_meet() -> None:
    files = file_cache.FileCache(100)
    assert files.get((b"ab", b"c"), lambda: b"1") == b"1"
    assert files.get((b"a", b"bc"), lambda: b"2") == b"2"
