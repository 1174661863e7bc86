"""The settings of the tests: those of the laboratory, in a data folder of their own that ends with them.

The database is SQLite, the broker the embedded one, and artifacts are in the data folder, unless tests/servers.py runs the tests.
"""

import atexit
import json
import os
import shutil
import tempfile

folder = tempfile.mkdtemp(prefix="w2s-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {"DATA_DIR": folder, "SECRET_KEY": "for tests", "HF_HUB_OFFLINE": "1", "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
for name in ("REDIS_URL", "DATABASE_URL", "ARTIFACTS_URL", "DATASETS_DIR", "EMAIL_URL", "OIDC_ISSUER"):
    os.environ.pop(name, None)
for name in ("SITE_URL", "HTTPS", "TRUSTED_PROXIES", "DATA_GROUP", "OTEL_EXPORTER_OTLP_ENDPOINT"):
    os.environ.pop(name, None)
if servers := json.loads(os.environ.get("TEST_SERVERS", "{}")):
    process = os.environ.get("PYTEST_XDIST_WORKER", "gw0")  # pytest-django gives each process a database of its own
    os.environ |= {
        "DATABASE_URL": servers["DATABASE_URL"],
        "REDIS_URL": servers["brokers"][int(process.removeprefix("gw"))],
        "ARTIFACTS_URL": f"{servers['ARTIFACTS_URL']}/{process}",
    }

from webapp.settings import *  # noqa: E402, F403 - after the environment is set

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405 - or WhiteNoise warns in every test
API_RATE = "1000000/m"  # no test asks that often, but the one of the limit, which has its own
CACHES = CACHES | {"limits": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MIDDLEWARE = ["tests.html.CompactHtml", *MIDDLEWARE]  # noqa: F405
