"""Opens mailboxes of an organization as any process of the portal would, several at once.

`python -m tests.benchmarks.mailbox_reader NUMBER OF`: one of so many, which share the people among them.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import django

AT_ONCE, MAILBOXES = 8, 60


def main(number: int, of: int) -> None:
    django.setup()
    from integrations.models import Connection

    mine = list(Connection.objects.select_related("link").order_by("pk")[number : MAILBOXES * of : of])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        opened = list(pool.map(_open, mine))
    assert len(opened) == len(mine) and all(opened)


def _open(connection: object) -> str:
    from django.db import connection as database
    from django.utils import timezone

    from integrations import access
    from integrations.models import Connection

    assert isinstance(connection, Connection)
    try:
        now = timezone.now()
        return access.calendar_of(connection, access.token(connection, now=now)).default_calendar().id
    finally:
        database.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
