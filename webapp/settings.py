"""All settings, each from the environment with a default that works on a laptop with nothing else installed."""

import os
import secrets
from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from webapp.broker import celery_url, embedded_url

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# All state lives here: database, artifacts, broker socket, logs. Two installations with two folders never meet.
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "var"))).resolve()
ARTIFACTS_DIR = DATA_DIR / "artifacts"
EXAMPLES_DIR = DATA_DIR / "examples"
SHARES_DIR = DATA_DIR / "shares"
LOG_DIR = DATA_DIR / "logs"
UPLOADS_DIR = DATA_DIR / "uploads"
# The library finds its shelf of data sets by this variable, here and in every child.
DATASETS_DIR = Path(os.environ.setdefault("DATASETS_DIR", str(DATA_DIR / "datasets")))


def secret_key() -> str:
    """The key of this installation, made at its first start and readable by its owner alone."""
    path = DATA_DIR / "secret-key"
    try:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(50))
        return path.read_text()
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR {DATA_DIR} cannot be used: {error}") from error


SECRET_KEY = env.str("SECRET_KEY", "") or secret_key()
UPLOADS_DIR.mkdir(parents=True, exist_ok=True)
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_COOKIES = env.bool("SECURE_COOKIES", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES

# E-mail is sent where a server is given, as smtp+tls://USER:PASSWORD@HOST:587; everything works without.
MAIL = bool(env.str("EMAIL_URL", ""))
if MAIL:
    vars().update(env.email_url("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", "lab@localhost")
EMAIL_TIMEOUT = 10

# Called when an experiment has come to rest (webapp/hooks/), with links that begin with SITE_URL.
WEBHOOK_URL = env.str("WEBHOOK_URL", "")
WEBHOOK_SECRET = env.str("WEBHOOK_SECRET", "")
SITE_URL = env.str("SITE_URL", "").rstrip("/")

# Single sign-on is on where an OpenID provider and what it knows this laboratory by are given.
OIDC_ISSUER = env.str("OIDC_ISSUER", "").rstrip("/")
OIDC_RP_CLIENT_ID = env.str("OIDC_CLIENT_ID", "")
OIDC_RP_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", "")
SSO = bool(OIDC_ISSUER and OIDC_RP_CLIENT_ID and OIDC_RP_CLIENT_SECRET)
OIDC_DEFAULT_ROLE = env.str("OIDC_DEFAULT_ROLE", "viewer")
# Read from the issuer's discovery document where they are not given.
OIDC_OP_AUTHORIZATION_ENDPOINT = env.str("OIDC_AUTHORIZATION_ENDPOINT", "")
OIDC_OP_TOKEN_ENDPOINT = env.str("OIDC_TOKEN_ENDPOINT", "")
OIDC_OP_USER_ENDPOINT = env.str("OIDC_USERINFO_ENDPOINT", "")
OIDC_OP_JWKS_ENDPOINT = env.str("OIDC_JWKS_ENDPOINT", "")
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
    "webapp.erasures",
    "webapp.audit",
    "webapp.shares",
    "webapp.hooks",
    "webapp.accounts",
    "webapp.jobs",
    "webapp.live",
    "webapp.pages",
    "webapp.api",
    "webapp",
]

MIDDLEWARE = [
    "webapp.middleware.content_security_policy",  # first, so that no answer goes without
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

# Uploads go to disk, on the disk where they stay, and never through memory. webapp/limits.py refuses what is larger than 1 GB.
FILE_UPLOAD_HANDLERS = ["webapp.uploads.UploadHandler"]
FILE_UPLOAD_TEMP_DIR = UPLOADS_DIR

ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "experiments"
LOGOUT_REDIRECT_URL = "login"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    *(["webapp.accounts.sso.Provider"] if SSO else []),
]
# By name and address together: neither can a stranger lock somebody out from elsewhere, nor one person a whole office.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "webapp.pages.accounts.locked"
AXES_DISABLE_ACCESS_LOG = True  # the trail has the logins
AXES_VERBOSE = False

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webapp.access.member_context",
            ],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", f"sqlite:///{DATA_DIR / 'lab.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE, because in WAL mode a transaction that reads and then writes fails at once when another one wrote between.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # a file: other processes open it too

REDIS_EMBEDDED = not env.str("REDIS_URL", "")
REDIS_URL = env.str("REDIS_URL", "") or embedded_url(DATA_DIR)

CELERY_BROKER_URL = celery_url(REDIS_URL)
CELERY_TIMEZONE = TIME_ZONE = "UTC"
CELERY_TASK_IGNORE_RESULT = True
# Early acknowledgement: the row's lease decides who trains, so a message is only a hint and may be lost or doubled.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 6
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": env.int("BROKER_VISIBILITY_SECONDS", 43_200),  # of any length: a call that comes again finds a lease
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 3,
    "socket_timeout": 5,  # above the second that a worker waits in one BRPOP; below what a person waits for a launch
    "socket_keepalive": True,
}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "runs"

# A worker that does not renew its lease for this long is taken for dead and its run goes back to the queue.
LEASE_SECONDS = env.float("LEASE_SECONDS", 30.0)
LEASE_RENEW_SECONDS = LEASE_SECONDS / 6
MAX_ATTEMPTS = env.int("MAX_ATTEMPTS", 3)

# Seconds between the end of one pass that compares all artifacts with their checksums and the next.
VERIFY_SECONDS = env.float("VERIFY_SECONDS", 600.0)

# So much of the disk of the artifacts stays free: a run that would leave less waits. And at most so much is used, 0 for all.
DISK_RESERVE = round(env.float("DISK_RESERVE_GIB", 0.5) * 2**30)
DISK_QUOTA = round(env.float("DISK_QUOTA_GIB", 0) * 2**30)

# What an archive from another laboratory may unpack to, and the memory of the process that verifies it.
ARCHIVE_LARGEST = round(env.float("ARCHIVE_GIB", 8) * 2**30)
ARCHIVE_MEMORY = round(env.float("ARCHIVE_MEMORY_GIB", 2) * 2**30)

# Requests to the API of one person, or of one address that is no person's, as NUMBER/s, NUMBER/m, NUMBER/h or NUMBER/d.
API_RATE = env.str("API_RATE", "600/m")
NINJA_NUM_PROXIES = 0  # the address is that of the connection, which uvicorn corrects by the header of a proxy that it trusts
# All web processes count together, so the counts are in Redis; webapp/api/rates.py goes on where that is away.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "limits": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    },
}

# Open connections of one web process, in all and of one address; 0 for as many of one address as in all.
CONNECTIONS = env.int("CONNECTIONS", 2000)
CONNECTIONS_PER_ADDRESS = env.int("CONNECTIONS_PER_ADDRESS", 500)
# Uploads of one account, as NUMBER/s, NUMBER/m, NUMBER/h or NUMBER/d.
UPLOAD_RATE = env.str("UPLOAD_RATE", "60/h")

# What one web process may use to answer questions about examples.
EXPLORER_MEMORY = env.str("EXPLORER_MEMORY", "512MB")
EXPLORER_THREADS = env.int("EXPLORER_THREADS", 2)

# Django's own default tells errors to nobody but e-mailed admins unless DEBUG is on. What is merely not found is no error.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "WARNING"}, "django.request": {"level": "ERROR"}},
}

LANGUAGE_CODE = "en-us"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
