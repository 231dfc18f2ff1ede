"""An assertion is taken once."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import IdentityProvider, SpentAssertion
from accounts.single_sign_on.causes import Cause
from accounts.single_sign_on.checks import Checks


def spend(provider: IdentityProvider, assertion_id: str, *, until: datetime, checks: Checks) -> None:
    """`until`: when it would be refused for its age. Whoever is second is refused, by the database. Raises Refused."""
    digest = hashlib.sha256(assertion_id.encode()).hexdigest()
    try:
        with transaction.atomic():
            SpentAssertion.objects.create(provider=provider, digest=digest, expires_at=until)
    except IntegrityError as problem:
        raise checks.failed("Once", Cause.REPLAYED, "The assertion was used before.") from problem
    checks.passed("Once", "It was not used before.")
