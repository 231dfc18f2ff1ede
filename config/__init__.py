"""The top floor: settings, URLs, the Celery application, and what needs every floor below."""
