"""The site as a WSGI application; `server.py` serves it on both origins."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "integrations.simulator.settings")

application = get_wsgi_application()
