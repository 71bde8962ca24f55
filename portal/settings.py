"""Settings of the portal, read from the environment.

Nothing set: the embedded PostgreSQL under VAR_DIR, started by `manage.py up`.
DATABASE_URL set: production, where a missing secret is an error that names it.
"""

from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import broker, embedded

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()

# Embedded: one machine, one folder, no secrets to hand in. Production: everything comes from outside.
EMBEDDED = "DATABASE_URL" not in env.ENVIRON
DEBUG = env.bool("DEBUG", default=False)


def required(name: str) -> str:
    """The environment variable `name`; ImproperlyConfigured, with its name, where production lacks it."""
    value = env(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. Production needs it: see 'Production' in README.md.")
    return value


if EMBEDDED:
    SECRET_KEY = embedded.secret_key(VAR_DIR)
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
    _connection = embedded.connection(VAR_DIR)
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", **_connection}}
else:
    SECRET_KEY = required("SECRET_KEY")
    ALLOWED_HOSTS = required("ALLOWED_HOSTS").split(",")
    DATABASES = {"default": env.db("DATABASE_URL")}
    if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL names no PostgreSQL; the ledger, the queue and the searches need one.")
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DATABASES["default"]["NAME"] = env("DATABASE_NAME", default=DATABASES["default"]["NAME"])  # a worker under test
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

DEMO = env.bool("DEMO", default=EMBEDDED)
"""The demo organisation's softer rules: no MFA for approvers, no wait for new grants. Evidence says so."""

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "evidence",
    "releases",
    "approvals",
    "signals",
    "registry",
    "accounts",
    "work",
    "web",
    "ledger",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "guardian",
    "drf_spectacular",
    "rest_framework",
    "template_partials",
]

MIDDLEWARE = [
    "web.middleware.no_zero_bytes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
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
                "portal.context.shell",
            ],
            "builtins": ["template_partials.templatetags.partials", "web.templatetags.web"],
        },
    },
]

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ANONYMOUS_USER_NAME = None  # guardian would otherwise insert an active user
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.adapter.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts are made by an administrator, who vouches for the address
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Portcullis"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = EMBEDDED  # localhost has no TLS

# Without a mail server the embedded installation keeps its mail as files, so that a password reset can be tried.
if EMBEDDED:
    EMAIL_BACKEND, EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", str(VAR_DIR / "mail")
else:
    vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("MAIL_FROM", default="portcullis@localhost")

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "portal_cache"},
}

LANGUAGE_CODE = "en-gb"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FILE_UPLOAD_HANDLERS = ["registry.uploads.Capped"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000  # a packet section with some hundred rows is one form
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "connect-src": [SELF],
        "script-src": [NONCE, "'strict-dynamic'"],
        "style-src": [SELF, NONCE],
        "font-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
if not EMBEDDED:
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # probes come over plain HTTP, from inside
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    if env.bool("BEHIND_TLS_PROXY", default=False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# What a rule of evidence.md leaves to the organisation; the demo's values are the softer ones.
GRANT_WAIT_HOURS = env.int("GRANT_WAIT_HOURS", default=0 if DEMO else 24)
SIGNOFF_DAYS = env.int("SIGNOFF_DAYS", default=90)
RENEWAL_DAYS = env.int("RENEWAL_DAYS", default=min(30, SIGNOFF_DAYS // 3))
"""So many days before a sign-off ends the portal drafts the packet's renewal. See docs/renewing.md."""
if not 0 <= RENEWAL_DAYS < SIGNOFF_DAYS:
    raise ImproperlyConfigured(
        f"RENEWAL_DAYS is {RENEWAL_DAYS}: it must lie below SIGNOFF_DAYS ({SIGNOFF_DAYS}), or every approval would be "
        "renewed on the day that it is given."
    )
REQUIRE_APPROVER_MFA = env.bool("REQUIRE_APPROVER_MFA", default=not DEMO)

SIGNALS_ROOT = Path(env("SIGNALS_ROOT", default=str(VAR_DIR / "signals")))
"""Watched folders of sources lie below this folder, nowhere else."""

IMPORT_HOSTS = env.list("IMPORT_HOSTS", default=[])
"""Hosts that imports by address may come from; empty: none. See docs/registering-your-agent.md."""

EVIDENCE_KEY_FILE = Path(env("EVIDENCE_KEY_FILE", default=str(VAR_DIR / "keys" / "evidence.pem")))

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "web.problems.handler",
    "DEFAULT_RENDERER_CLASSES": ["web.media.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["web.media.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",  # first: its challenge makes a missing identity a 401
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "accounts.authentication.Scoped"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,  # the schema says it better than OPTIONS
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "TITLE": "Portcullis",
    "DESCRIPTION": "The registry of AI agents, their packets and the gate's decisions.",
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],  # it says nothing that the source does not
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "web.api.with_problems"],
    "ENUM_NAME_OVERRIDES": {
        "PacketState": "registry.vocabulary.PacketState",
        "RiskClass": "registry.vocabulary.RiskClass",
        "Autonomy": "registry.vocabulary.Autonomy",
        "PullState": "signals.models.Pull.State",
        "IncidentSeverity": "signals.incidents.models.Incident.Severity",
    },
}

CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="pgmq://")
if CELERY_BROKER_URL == "pgmq://":
    CELERY_BROKER_URL = broker.ON_DATABASE
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(
    CELERY_BROKER_URL, DATABASES["default"], env.int("CELERY_VISIBILITY_SECONDS", default=360)
)
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "portal.celery:BeatingScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
WORKER_PROCESSES = env.int("WORKER_PROCESSES", default=0)
WEB_PROCESSES = env.int("WEB_PROCESSES", default=0)
"""How many processes `up` gives to short tasks and to pages; 0: one a core, at most four."""
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"

# One stream on standard error, for a terminal as for a container. Django's own set-up is silent without DEBUG.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.request": {"level": "ERROR"},  # a 404 is no news
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # nor is a scanner's made-up host name
    },
}
