"""The simulated Microsoft 365's own settings. Nothing here is read by the portal, nor the other way round.

Where it listens and keeps its data is said to `serve` (see `place.py`); `docs/simulator.md` lists the variables.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

DATA = Path(os.environ.get("SIMULATOR_DATA") or ".simulator")

# Signs nothing that outlives the process: sessions, codes and tokens are random and stored hashed.
SECRET_KEY = secrets.token_urlsafe(48)
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "m365.localhost"]

INSTALLED_APPS = ["integrations.simulator.apps.SimulatorConfig", "django.contrib.staticfiles"]
MIDDLEWARE = [
    "integrations.simulator.middleware.RequestLine",
    "integrations.simulator.middleware.Origins",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "integrations.simulator.middleware.SafeHeaders",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "integrations.simulator.urls"
WSGI_APPLICATION = "integrations.simulator.wsgi.application"
APPEND_SLASH = False

DATABASES = {
    "default": {
        "ENGINE": "integrations.simulator.turns",
        # `serve` always names a file. Other commands (check, makemigrations) must not need one.
        "NAME": str(DATA / "simulator.sqlite3") if DATA.is_dir() else ":memory:",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # Space of what is gone can be given back, and the journal shrinks again after a large reset.
            "init_command": (
                "PRAGMA auto_vacuum=INCREMENTAL;PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
                "PRAGMA journal_size_limit=16777216;"
                # KiB for each of many threads: the system caches the file for all of them.
                "PRAGMA cache_size=-512;"
            ),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# Cookies are per host, not per port: a portal on the same localhost must not be disturbed.
CSRF_COOKIE_NAME = "sim_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "integrations.simulator.control.console.csrf_failure"

# The passwords are printed on the sign-in page. Slow hashing would only make a reset slow.
PASSWORD_HASHERS = ["integrations.simulator.entra.passwords.QuickHasher"]

USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "simulator": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        # Its messages quote what the stranger sent.
        "django.security": {"handlers": ["stderr"], "level": "CRITICAL", "propagate": False},
    },
}

# What `check --deploy` asks of a site on the public internet does not fit one that is bound to loopback,
# speaks plain HTTP to browsers on purpose and sets its own headers (`middleware.SafeHeaders`).
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003", "security.W016"]
