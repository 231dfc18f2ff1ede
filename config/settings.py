"""The portal's settings, all of them from the environment.

`docs/configuration.md` lists every variable. What is missing or senseless stops the start with one
sentence each, all of them at once.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config import client_credentials, logs
from config.environment import Reader

BASE_DIR = Path(__file__).resolve().parent.parent

read = Reader(environ.Env())

# ── Where we are ────────────────────────────────────────────────────────────
SECRET_KEY = read.secret("SECRET_KEY", at_least=32)
DEBUG = False  # there is no debug mode: an error page must never show a secret
PUBLIC_URL = read.url("PUBLIC_URL", schemes=("https", "http"))
ALLOWED_HOSTS = read.words("ALLOWED_HOSTS", default=[urlsplit(PUBLIC_URL).hostname or ""])
OPERATOR_EMAILS = read.emails("OPERATOR_EMAILS")
IS_HTTPS = PUBLIC_URL.startswith("https://")
BEHIND_PROXY = read.flag("BEHIND_PROXY", default=False)

# ── What is installed ───────────────────────────────────────────────────────
INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    "calendaring.apps.CalendaringConfig",
    "integrations.apps.IntegrationsConfig",
    "accounts.apps.AccountsConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "axes",
    "csp",
    "django_htmx",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "config.logs.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sign_in.idle.LimitedSessions",
    "accounts.sign_in.middleware.SignedInAndOwnClock",
    "accounts.sign_in.guessing.KnownBrowsers",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # a pasted list of people is refused by its own form, at 5 MB
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            # Cached also here, where DEBUG is never on; a missing variable is a bug that tests catch.
            "loaders": [("django.template.loaders.cached.Loader", ["django.template.loaders.filesystem.Loader"])],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.frame.frame",
            ],
            "builtins": ["accounts.templatetags.ui"],
        },
    }
]

# ── Data ────────────────────────────────────────────────────────────────────
DATABASES = {"default": read.database("DATABASE_URL")}
REDIS_URL = read.url("REDIS_URL", schemes=("redis", "rediss"))
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
# First encrypts, all decrypt: "2026b:<base64 of 32 bytes>,2026a:<…>".
TOKEN_KEYS = read.token_keys("TOKEN_KEYS")

# ── People and their sessions ───────────────────────────────────────────────
AUTH_USER_MODEL = "accounts.User"
SIGN_IN_BACKEND = "accounts.sign_in.backend.EmailAndPassword"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", SIGN_IN_BACKEND]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.sign_in.adapter.InvitedOnly"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_FORMS = {
    "login": "accounts.sign_in.forms.SignIn",
    "reset_password": "accounts.sign_in.forms.ForgottenPassword",
    "reset_password_from_key": "accounts.sign_in.forms.NewPassword",
    "change_password": "accounts.sign_in.forms.ChangePassword",
    "set_password": "accounts.sign_in.forms.FirstPassword",
    "add_email": "accounts.sign_in.forms.ChangeAddress",
    "reauthenticate": "accounts.sign_in.forms.ItIsReallyMe",
}
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password or address is told by mail
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # the sign-in address changes only after the password was given again
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_HTTPS else "http"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
# A wrong password is counted by axes, which knows whose browser it is; here only how often the page is sent at all.
ACCOUNT_RATE_LIMITS = {"login": "100/m/ip", "login_failed": ""}
# Identity providers are set up by accounts, with pages of our own: allauth's are not among the addresses.
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.social_adapter.ByTheAccountAlone"
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
# Whose address counts for rate limits: without it everybody behind the proxy would share one.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0

AXES_HANDLER = "accounts.sign_in.guessing.Guesses"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_USERNAME_CALLABLE = "accounts.sign_in.guessing.username"
AXES_CLIENT_IP_CALLABLE = "accounts.sign_in.guessing.client_address"
AXES_LOCKOUT_CALLABLE = "accounts.sign_in.guessing.as_it_is"
AXES_VERBOSE = False  # addresses do not belong into a log
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
KNOWN_BROWSER_COOKIE_NAME = "__Host-meridian-browser" if IS_HTTPS else "meridian-browser"

MFA_ADAPTER = "accounts.sign_in.second_factor.SealedSecrets"
MFA_FORMS = {
    "activate_totp": "accounts.forms.second_factor.FirstCode",
    "authenticate": "accounts.forms.second_factor.SignInCode",
    "reauthenticate": "accounts.forms.second_factor.CodeAgain",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Meridian"
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds before and after: clocks of phones differ
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_REAUTHENTICATION_REQUIRED = False  # by `accounts.sign_in.again`, for everything alike
# Whoever is here was invited, so that nobody takes an address away from its owner by adding it first.
MFA_ALLOW_UNVERIFIED_EMAIL = True

SESSION_COOKIE_NAME = "__Host-meridian" if IS_HTTPS else "meridian"
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_AGE = 12 * 60 * 60  # ASVS 5.0 §7.3: a working day from signing in, whatever happens in it
SESSION_IDLE_MINUTES = read.number("SESSION_IDLE_MINUTES", at_least=1, at_most=12 * 60, default=60)
CSRF_COOKIE_NAME = "__Host-meridian-csrf" if IS_HTTPS else "meridian-csrf"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True  # forms carry the token; no script needs the cookie
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "accounts.views.errors.csrf_failure"

# ── Microsoft ───────────────────────────────────────────────────────────────
MICROSOFT_CLIENT_ID = read.guid("MICROSOFT_CLIENT_ID")
MICROSOFT_CLIENT_SECRET = read.text("MICROSOFT_CLIENT_SECRET", default="")
MICROSOFT_CLIENT_SECRET_EXPIRES = read.moment("MICROSOFT_CLIENT_SECRET_EXPIRES")
MICROSOFT_CLIENT_CERTIFICATE = client_credentials.certificate(read, "MICROSOFT_CLIENT_CERTIFICATE")
# A second one, so that the first can be replaced without a gap.
MICROSOFT_CLIENT_SECRET_2 = read.text("MICROSOFT_CLIENT_SECRET_2", default="")
MICROSOFT_CLIENT_SECRET_EXPIRES_2 = read.moment("MICROSOFT_CLIENT_SECRET_EXPIRES_2")
MICROSOFT_CLIENT_CERTIFICATE_2 = client_credentials.certificate(read, "MICROSOFT_CLIENT_CERTIFICATE_2")
client_credentials.check(read)
MICROSOFT_AUTHORITY_HOST = read.url(
    "MICROSOFT_AUTHORITY_HOST", schemes=("https",), default="https://login.microsoftonline.com"
)
MICROSOFT_GRAPH_URL = read.url("MICROSOFT_GRAPH_URL", schemes=("https",), default="https://graph.microsoft.com/v1.0")
# Where Exchange Online speaks EWS; Microsoft's tokens are sent there, and nowhere else.
MICROSOFT_EWS_URL = read.url(
    "MICROSOFT_EWS_URL", schemes=("https",), default="https://outlook.office365.com/EWS/Exchange.asmx"
)
MICROSOFT_TENANT = read.text("MICROSOFT_TENANT", default="organizations")
MICROSOFT_CA_BUNDLE = read.file("MICROSOFT_CA_BUNDLE", default="")
# Where the pages people see at sign-in live, for `form-action`; Microsoft's are on the authority host.
MICROSOFT_SIGN_IN_ORIGINS = read.origins("MICROSOFT_SIGN_IN_ORIGINS", default=[MICROSOFT_AUTHORITY_HOST])
# Where people withdraw what they consented to.
MICROSOFT_MY_APPS_URL = read.url(
    "MICROSOFT_MY_APPS_URL", schemes=("https", "http"), default="https://myapps.microsoft.com"
)

# ── Exchange servers of organizations ───────────────────────────────────────
# Roots to trust there, besides the usual ones; and the ports that may stand in an EWS address, besides 443.
EXCHANGE_CA_BUNDLE = read.file("EXCHANGE_CA_BUNDLE", default="")
EXCHANGE_PORTS = read.ports("EXCHANGE_PORTS", default=[443])

# ── Identity providers of organizations ─────────────────────────────────────
# As above, for those by which people sign in.
SINGLE_SIGN_ON_CA_BUNDLE = read.file("SINGLE_SIGN_ON_CA_BUNDLE", default="")
SINGLE_SIGN_ON_PORTS = read.ports("SINGLE_SIGN_ON_PORTS", default=[443])

# ── Associated domains ──────────────────────────────────────────────────────
# Who is asked where a domain's proof stands; empty: the servers of the system.
DNS_SERVERS = read.name_servers("DNS_SERVERS")
# A web server that carries a proof is asked at public addresses only, and at these.
PRIVATE_NETWORKS_ALLOWED = read.networks("PRIVATE_NETWORKS_ALLOWED")
# Those of the web, nowhere else.
WEB_PORTS = {"https": 443, "http": 80}

# ── Celery ──────────────────────────────────────────────────────────────────
CELERY_BROKER_URL = REDIS_URL

# ── Mail ────────────────────────────────────────────────────────────────────
vars().update(read.mail("EMAIL_URL"))
# Every letter, for everybody who reaches the portal: how else would anybody in the demo get at an invitation?
MAILBOX_PAGE = read.flag("MAILBOX_PAGE", default=False)
if MAILBOX_PAGE and vars().get("EMAIL_BACKEND") != "django.core.mail.backends.filebased.EmailBackend":
    read.problem(
        "MAILBOX_PAGE shows everybody’s letters to everybody, so it is for demonstrations alone, where EMAIL_URL "
        "starts with filemail:// and nothing is really sent."
    )
EMAIL_SUBJECT_PREFIX = ""
EMAIL_TIMEOUT = 10  # seconds; some mails are sent while somebody waits for a page
DEFAULT_FROM_EMAIL = read.text("DEFAULT_FROM_EMAIL", default=f"Meridian <no-reply@{urlsplit(PUBLIC_URL).hostname}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
ADMINS = [(address, address) for address in OPERATOR_EMAILS]

# ── Language and time ───────────────────────────────────────────────────────
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# ── What the browser is told ────────────────────────────────────────────────
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# The load balancer asks over plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        # A form that redirects to another origin is blocked under 'self' alone: *Authorize* goes to Microsoft.
        "form-action": ["'self'", *MICROSOFT_SIGN_IN_ORIGINS],
    }
}

# ── Static files ────────────────────────────────────────────────────────────
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(read.text("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# ── Logs ────────────────────────────────────────────────────────────────────
LOGGING_CONFIG = None
logs.configure(
    level=read.one_of("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO"),
    as_json=read.flag("LOG_JSON", default=True),
)

if read.problems:
    raise ImproperlyConfigured(
        "\n".join(["The portal cannot start:", *(f"  - {problem}" for problem in read.problems)])
    )
