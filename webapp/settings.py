"""All settings, each from the environment with a default for a laptop with nothing else installed."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environ import Env

from training import environment as env
from training.file_permissions import file_mode
from training.state_folder import data_dir
from training.storage import opening, remote
from webapp import project_files, tracing
from webapp.broker import celery_url, embedded_url
from webapp.installation import protect, secret_key
from webapp.json_logs import TEXT_LOGGING, logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent  # from which every child of a service imports training and webapp

# All state is here: database, artifacts, broker socket, logs. Two installations with two folders share nothing.
DATA_DIR = data_dir()
protect(DATA_DIR)
env.home(instead=DATA_DIR)
ARTIFACTS_DIR = DATA_DIR / "artifacts"
EXAMPLES_DIR = DATA_DIR / "examples"
SHARES_DIR = DATA_DIR / "shares"
LOG_DIR = DATA_DIR / "logs"
UPLOADS_DIR = DATA_DIR / "uploads"
DOCS_DIR = DATA_DIR / "docs"  # output of `make docs`; without it there is no documentation at /docs/
DATASETS_DIR = env.folder("DATASETS_DIR", DATA_DIR / "datasets")
os.environ |= {"DATASETS_DIR": str(DATASETS_DIR), "DATA_DIR": str(DATA_DIR)}  # children work in another folder
# Where the artifacts of several machines are; those in ARTIFACTS_DIR are then copies, of at most so many bytes.
ARTIFACTS_URL, ARTIFACTS_CACHE_BYTES = remote.shared_url(), opening.cache_bytes()

SECRET_KEY = env.text("SECRET_KEY") or secret_key(DATA_DIR)
UPLOADS_DIR.mkdir(parents=True, exist_ok=True)
DEBUG = env.flag("DEBUG")

# The public address. Links in webhooks and in the terminal begin with it.
SITE_URL = env.address("SITE_URL", ["http", "https"]).rstrip("/")
# Loopback, which only this machine reaches, is always allowed: the start requests it to see that the web server answers.
ALLOWED_HOSTS = [*env.names("ALLOWED_HOSTS"), "localhost", "127.0.0.1", "[::1]"]
if SITE_URL:
    ALLOWED_HOSTS.append(env.in_url(urlsplit(SITE_URL).hostname or ""))
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")
# Proxies whose headers on the address and scheme of a request are trusted; webapp/stack.py passes them to the web server.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")

# The switch for a laboratory that is reached by https alone, behind a proxy with the certificate (docs/howto/operations.md).
HTTPS = env.flag("HTTPS")
if HTTPS and not (TRUSTED_PROXIES and SITE_URL.startswith("https://")):
    raise env.SettingError("HTTPS needs TRUSTED_PROXIES, the addresses of the proxy, and a SITE_URL that begins with https://.")
if env.text("SECURE_COOKIES"):
    raise env.SettingError(
        "SECURE_COOKIES has become HTTPS: set that to 1 and read docs/howto/operations.md, or unset SECURE_COOKIES."
    )
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # requested by this machine, without the proxy
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Subdomains and preload lists of browsers are not the laboratory's decision.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# E-mail is sent if a server is given, as smtp+tls://USER:PASSWORD@HOST:587; everything works without one.
EMAIL_URL = env.address("EMAIL_URL", list(Env.EMAIL_SCHEMES))
MAIL = bool(EMAIL_URL)
if MAIL:
    vars().update(Env.email_url_config(EMAIL_URL))
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "lab@localhost")
EMAIL_TIMEOUT = 10

# Called at the end of an experiment (webapp/webhooks/), with links that begin with SITE_URL.
WEBHOOK_URL = env.address("WEBHOOK_URL", ["http", "https"])
WEBHOOK_SECRET = env.text("WEBHOOK_SECRET")

# Networks that are not public and that requests of the webhook and of single sign-on may reach nevertheless.
OUTGOING_NETWORKS = env.networks("OUTGOING_NETWORKS")

# Single sign-on is on if an OpenID provider and its client id and secret are given.
OIDC_ISSUER = env.address("OIDC_ISSUER", ["https", "http"]).rstrip("/")
OIDC_RP_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_RP_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
SSO = bool(OIDC_ISSUER and OIDC_RP_CLIENT_ID and OIDC_RP_CLIENT_SECRET)
OIDC_DEFAULT_ROLE = env.choice("OIDC_DEFAULT_ROLE", "viewer", ["viewer", "member", "admin"])
# Read from the issuer's discovery document if they are not given.
OIDC_OP_AUTHORIZATION_ENDPOINT = env.address("OIDC_AUTHORIZATION_ENDPOINT", ["https", "http"])
OIDC_OP_TOKEN_ENDPOINT = env.address("OIDC_TOKEN_ENDPOINT", ["https", "http"])
OIDC_OP_USER_ENDPOINT = env.address("OIDC_USERINFO_ENDPOINT", ["https", "http"])
OIDC_OP_JWKS_ENDPOINT = env.address("OIDC_JWKS_ENDPOINT", ["https", "http"])
OIDC_AUTHENTICATION_CALLBACK_URL = "sso-return"
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid email profile"
OIDC_USE_PKCE = True
OIDC_TIMEOUT = 10

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "axes",
    "ninja",
    "webapp.experiments",
    "webapp.imports",
    "webapp.notes",
    "webapp.organising",
    "webapp.attributions",
    "webapp.audit",
    "webapp.shares",
    "webapp.webhooks",
    "webapp.accounts",
    "webapp.jobs",
    "webapp.live",
    "webapp.pages",
    "webapp.api",
    "webapp",
]

MIDDLEWARE = [
    "webapp.request_context.followed",
    "webapp.middleware.content_security_policy",  # before all others that answer, so that it applies to every answer
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.access.AccessMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "webapp.failures.FailureMiddleware",
]

# Uploads are written to the disk on which they stay, and never held in memory. webapp/body_limits.py refuses more than 1 GB.
FILE_UPLOAD_HANDLERS = ["webapp.uploads.UploadHandler"]
FILE_UPLOAD_PERMISSIONS = file_mode()  # for static files too, which Django would make readable for all accounts

ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    *(["webapp.accounts.sso.Provider"] if SSO else []),
]
# By name and address together, so that nobody can lock out an account elsewhere or a whole office.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "webapp.pages.accounts.login.locked"
AXES_DISABLE_ACCESS_LOG = True  # the audit log has the logins
AXES_VERBOSE = False
AXES_IPWARE_META_PRECEDENCE_ORDER = ["REMOTE_ADDR"]  # axes would read X-Forwarded-For where ipware is installed

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [project_files.TEMPLATES],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["webapp.template_loader.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webapp.access.member_context",
                "webapp.pages.documentation.documentation_context",
            ],
        },
    },
]

DATABASE_URL = env.address("DATABASE_URL", ["postgres", "postgresql", "sqlite"])
DATABASES = {
    "default": Env.db_url_config(DATABASE_URL)
    if DATABASE_URL
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "lab.sqlite3")}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE, since in WAL mode a transaction that reads and then writes fails at once if another one wrote in between.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # a file: other processes open it too

REDIS_URL = env.address("REDIS_URL", ["redis", "rediss", "unix"])
REDIS_EMBEDDED = not REDIS_URL
REDIS_URL = REDIS_URL or embedded_url(DATA_DIR)

CELERY_BROKER_URL = celery_url(REDIS_URL)
CELERY_TIMEZONE = TIME_ZONE = "UTC"
CELERY_TASK_IGNORE_RESULT = True
# Early acknowledgement: the row's lease decides who trains, so a message may be lost or delivered twice.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 6
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # any value works: a repeated message finds a lease
    "visibility_timeout": env.whole("BROKER_VISIBILITY_SECONDS", 43_200, least=1),
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 3,
    "socket_timeout": 5,  # above the second of one BRPOP of a worker, and below the patience of a person who launches
    "socket_keepalive": True,
    "max_retries": 0,  # the recovery calls again; a request that waited for a second attempt would hold up its page for seconds
}
# Redis carries data and never code: JSON for tasks, results, events and remote control, and no pickle.
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_TASK_DEFAULT_QUEUE = "runs"

# A worker that does not renew its lease for this long is considered dead, and its run is queued again.
LEASE_SECONDS = env.number("LEASE_SECONDS", 30.0, least=1, most=86_400)
LEASE_RENEW_SECONDS = LEASE_SECONDS / 6
MAX_ATTEMPTS = env.whole("MAX_ATTEMPTS", 3, least=1)

# Seconds between the end of one pass that compares all artifacts with their checksums and the next.
VERIFY_SECONDS = env.number("VERIFY_SECONDS", 600.0)
EVENTS_DAYS = env.number("EVENTS_DAYS", float("inf"), most=36_500)  # from a run's end until its events are in files
# Free space that remains on the disk of the artifacts (a run that would leave less waits), and the most to use, 0 for all.
DISK_RESERVE = round(env.number("DISK_RESERVE_GIB", 0.5) * 2**30)
DISK_QUOTA = round(env.number("DISK_QUOTA_GIB", 0) * 2**30)

# The unpacked size of an archive from another laboratory, and the memory of the process that verifies it.
ARCHIVE_LARGEST = round(env.number("ARCHIVE_GIB", 8) * 2**30)
ARCHIVE_MEMORY = round(env.number("ARCHIVE_MEMORY_GIB", 2) * 2**30)
# The longest work on one uploaded file or archive, in seconds.
IMPORT_SECONDS = env.number("IMPORT_HOURS", 6.0, least=0.001) * 3600

# Requests to the API of one account, or of one address without an account, as NUMBER/s, NUMBER/m, NUMBER/h or NUMBER/d.
API_RATE = env.rate("API_RATE", "600/m")
# The address is that of the connection, which the web server corrects by the header of TRUSTED_PROXIES; nothing else reads one.
NINJA_NUM_PROXIES = 0
# All web processes count together, so the counts are in Redis; webapp/api/rates.py works without it.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},  # unused, and it would pickle
    "limits": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"serializer": "webapp.json_serializer.JSONSerializer", "socket_connect_timeout": 1, "socket_timeout": 1},
    },
}

# Open connections of one web process, in all and for one address; 0 for no limit by address.
CONNECTIONS = env.whole("CONNECTIONS", 2000, least=1)
CONNECTIONS_PER_ADDRESS = env.whole("CONNECTIONS_PER_ADDRESS", 500)
# Uploads of one account, as NUMBER/s, NUMBER/m, NUMBER/h or NUMBER/d.
UPLOAD_RATE = env.rate("UPLOAD_RATE", "60/h")

# Memory and threads of one web process for queries about examples.
EXPLORER_MEMORY = env.memory("EXPLORER_MEMORY", "512MB")
EXPLORER_THREADS = env.whole("EXPLORER_THREADS", 2, least=1, most=256)
# Who may read /metrics and the reasons of /readyz besides this machine: the bearer of a token, and networks.
METRICS_TOKEN = env.text("METRICS_TOKEN")
METRICS_NETWORKS = env.networks("METRICS_NETWORKS")
# Seconds of a query from which it is logged; 0 logs none.
SLOW_QUERY_SECONDS = env.number("SLOW_QUERY_SECONDS", 0.0)
tracing.wanted()  # refuses what it cannot use; the SDK of OpenTelemetry reads its variables itself
LOG_FORMAT = env.choice("LOG_FORMAT", "text", ["text", "json"])
LOGGING = logging_settings() if LOG_FORMAT == "json" else TEXT_LOGGING

STATIC_URL = "/static/"
STATICFILES_DIRS = [project_files.STATIC]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
