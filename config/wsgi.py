from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from config.environment import settings_or_exit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
settings_or_exit()
application = get_wsgi_application()

from config.starting import keys_or_exit  # noqa: E402  needs the apps

keys_or_exit()
