"""No input of the product can execute code: no pickle in files, caches and queues."""

import ast
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.serializers import JSONSerializer as Sessions
from django.core.cache import caches
from django.test import Client, override_settings
from django.utils.module_loading import import_string
from redis import Redis

from tests.lab import ROOT
from webapp.api.rates import LIMITS
from webapp.celery import app
from webapp.json_serializer import JSONSerializer

MODULES = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "multiprocessing.managers")
CALLS = ("eval", "exec", "compile", "__import__")
ALLOWED = {
    # A training's own processes talk over pipes that it made for them and that nobody else can open; what an error is like is
    # tried in the process that raised it.
    ("training/engine/distributed/launcher.py", "pickle"),
}


def sources() -> Iterator[tuple[str, ast.AST]]:
    for path in [*ROOT.glob("webapp/**/*.py"), *ROOT.glob("training/**/*.py"), ROOT / "manage.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            yield str(path.relative_to(ROOT)), node


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def dangerous(node: ast.Call) -> str:
    """Return the danger of a call, empty for a harmless one."""
    name = ast.unparse(node.func)
    words = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
    if name in CALLS or name.startswith("yaml.") or name.endswith(("read_pickle", "to_pickle", "Listener", "Manager")):
        return name
    if name.startswith(("dist.", "torch.distributed.")) and "_object" in name:
        return name
    if name == "torch.load" and words.get("weights_only") is not True:
        return "torch.load without weights_only"
    if name in ("np.load", "numpy.load") and words.get("allow_pickle") is not False:
        return "np.load that allows pickle"
    return ""


def test_no_module_of_the_product_reads_what_could_run() -> None:
    uses = set()
    for path, node in sources():
        uses |= {(path, name) for name in imported(node) if name.startswith(MODULES)}
        if isinstance(node, ast.Call) and (name := dangerous(node)):
            uses.add((path, name))
    assert uses == ALLOWED


def test_the_queue_takes_and_sends_json_alone() -> None:
    conf = app.conf
    assert conf.accept_content == conf.result_accept_content == ["json"]
    assert conf.task_serializer == conf.result_serializer == conf.event_serializer == "json"
    assert conf.result_backend is None


def test_sessions_and_caches_are_json() -> None:
    from webapp import settings as product

    assert import_string(settings.SESSION_SERIALIZER) is Sessions
    backends = {name: cache["BACKEND"] for name, cache in product.CACHES.items()}
    assert backends == {
        "default": "django.core.cache.backends.dummy.DummyCache",
        "limits": "django.core.cache.backends.redis.RedisCache",
    }
    assert import_string(product.CACHES[LIMITS]["OPTIONS"]["serializer"]) is JSONSerializer


class Malicious:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("planted", ["pickle", "[[[[", "{}", '"text"', "[null]", "[" * 100_000, "\xff\xfe"])
def test_what_somebody_else_writes_into_the_limiter_of_the_api_does_not_run_and_the_count_begins_anew(
    broker: str, db: None, tmp_path: Path, planted: str
) -> None:
    from webapp import settings as product

    shared = product.CACHES[LIMITS] | {"LOCATION": broker}
    value = pickle.dumps(Malicious(tmp_path / "ran")) if planted == "pickle" else planted.encode("latin-1")
    with override_settings(CACHES={"default": shared, LIMITS: shared}), Redis.from_url(broker) as redis:
        caches[LIMITS].clear()
        stranger = Client(headers={"authorization": "Bearer wrong"})
        assert stranger.get("/api/v1/schema").status_code == 401
        keys = redis.keys("*throttle*")
        assert keys
        for key in keys:
            redis.set(key, value, ex=60)
        assert stranger.get("/api/v1/schema").status_code == 401
        assert all(isinstance(caches[LIMITS].get(key.decode().partition(":1:")[2]), list) for key in keys)
        caches[LIMITS].clear()
    assert not (tmp_path / "ran").exists()


def test_whole_numbers_stay_numbers_for_redis_and_everything_else_is_json() -> None:
    serializer = JSONSerializer()
    assert serializer.dumps(7) == 7
    assert serializer.loads(b"7") == 7
    for value in (True, None, [1.5, "a"], {"a": [1]}):
        assert serializer.loads(serializer.dumps(value)) == value  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r".*"):
        serializer.loads(pickle.dumps([1]))
