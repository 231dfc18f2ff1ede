from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Few rounds: these passwords protect nothing, and a reset of a tenant must not take seconds."""

    algorithm = "pbkdf2_quick"
    iterations = 2_000
