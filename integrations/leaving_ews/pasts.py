"""What a connection was while it went by EWS, written down by whatever moves it to Graph, in the same transaction: kept
for the account's grace, so that it can go back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from accounts import vault
from accounts.cascade.read import of_account
from accounts.models import Account
from integrations.models import Connection, EwsPast, State
from integrations.preferences import Api, Integrations

COLUMNS = (
    "service",
    "method",
    "link",
    "server",
    "tenant_id",
    "object_id",
    "address",
    "user_name",
    "secret",
    "moved_at",
    "kept_until",
)


def keep(connections: Sequence[Connection], *, now: datetime) -> None:
    """Of those among them that go by EWS, as they are before they are moved; they are locked by the caller. Four
    statements, and none where nobody goes by EWS. With no grace nothing is kept."""
    moving = [one for one in connections if one.pk and _is_by_ews(one)]
    if not moving:
        return
    grace = timedelta(days=of_account(Integrations, moving[0].user.account).grace)
    # Sealed for a row, so the rows have to be there first.
    rows = [_of(one, now=now, kept_until=now + grace) for one in moving] if grace else []
    secrets = {one.pk: _secret_of(one) for one in moving}
    EwsPast.objects.bulk_create(rows, update_conflicts=True, unique_fields=["connection"], update_fields=COLUMNS)
    made = list(EwsPast.objects.filter(connection__in=[row.connection_id for row in rows]))
    for row in made:
        secret = secrets[row.connection_id]
        row.secret = vault.seal(secret, bound_to=vault.place_of(row, "secret")) if secret else ""
    EwsPast.objects.bulk_update(made, ["secret"], batch_size=500)


def of(account: Account, *, now: datetime) -> list[EwsPast]:
    """Who was moved and could be brought back. One query."""
    found = EwsPast.objects.filter(connection__account=account, kept_until__gt=now)
    return list(found.select_related("connection__user", "server").order_by("connection__user__name", "pk"))


def forget(connection: Connection) -> None:
    """It was ended: nothing of what it was is kept."""
    EwsPast.objects.filter(connection=connection).delete()


def forget_old(*, now: datetime) -> int:
    """After the grace, and where the connection was ended meanwhile or goes by EWS anyhow."""
    over = Q(kept_until__lte=now) | Q(connection__state=State.DISCONNECTED) | Q(connection__api=Api.EWS.value)
    return EwsPast.objects.filter(over).delete()[0]


def _is_by_ews(connection: Connection) -> bool:
    return connection.api == Api.EWS.value and connection.state != State.DISCONNECTED


def _of(connection: Connection, *, now: datetime, kept_until: datetime) -> EwsPast:
    return EwsPast(
        connection=connection,
        service=connection.service,
        method=connection.method,
        link_id=connection.link_id,
        server_id=connection.server_id,
        tenant_id=connection.tenant_id,
        object_id=connection.object_id,
        address=connection.address,
        user_name=connection.user_name,
        moved_at=now,
        kept_until=kept_until,
    )


def _secret_of(connection: Connection) -> str:
    """The password at an own server, or the refresh token that still opens EWS."""
    for column in ("password", "refresh_token"):
        sealed = getattr(connection, column)
        if sealed:
            try:
                return vault.open_sealed(sealed, bound_to=vault.place_of(connection, column))
            except vault.CannotOpen:
                return ""
    return ""
