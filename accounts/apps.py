from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401  registers what `manage.py check` asks of the stored settings

        # Declares the audit actions of sign-in and listens to allauth's signals.
        from accounts.sign_in import adapter, second_factor  # noqa: F401
