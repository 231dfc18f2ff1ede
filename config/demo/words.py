"""What the demo says on the console."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from config.demo.place import Ports


class CannotStart(Exception):
    """One sentence on what is in the way and what to do."""


class GaveUp(Exception):
    """One sentence on which child cannot be kept alive, and where its last words are."""


class AskedToStop(Exception):
    """Ctrl-C, a signal, or the end of who started us."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def welcome(ports: Ports, data: Path) -> str:
    return f"""
  Meridian is ready:  http://localhost:{ports.portal}

  Who may sign in, all with the password meridian-demo-1
    dana@kestrel.example    Dana, owner of Kestrel & Co
    gus@kestrel.example     Gus, admin of the group Sales (P2)
    nora@kestrel.example    Nora, admin of the group Engineering (P1)
    alice@kestrel.example   Alice, member of Sales
    bob@kestrel.example     Bob, in no group
  In the simulated Microsoft 365 they have the same addresses, with the password kestrel-demo-1
  An Exchange server of one’s own is at https://localhost:{ports.simulator_exchange}/EWS/Exchange.asmx,
  where KESTREL\\ingrid and, for impersonation, KESTREL\\svc-calendar sign in with kestrel-demo-1

  What to try first
    1. Sign in as Dana. Account Management > Account Settings > Mail & Calendar > Integrations: switch it on.
    2. Sign in as Alice (another browser, or a private window). Profile > Configure Calendar and Contacts Service.
    3. Look at Alice’s Meetings: her next two weeks, read from Microsoft 365.
    4. At http://localhost:{ports.simulator_http} revoke her sessions and expire her access tokens:
       Meetings asks her to reconnect.
    5. As Dana, lock a row: Review changes says whose connection it would block. Alice’s Settings say who locked it;
       unlock it, and everything is as it was. The group Engineering has choices to look at.
    6. As Dana, Account Management > Account Profile: add kestrel.example, publish its TXT record at
       http://localhost:{ports.simulator_http} (Kestrel & Co > Publish a TXT record), verify it. Then choose Application
       Permissions in Integrations > Authorize and Save: one consent, Dana’s at Microsoft, connects everybody
       whom the settings leave to it (the group Sales has made a choice of its own).
    7. Sign out, and sign in as Gus by Kestrel’s Entra, the simulated one: kestrel-demo-1 there. The first time Meridian
       asks for his own password, too, unless kestrel.example is verified (6.); then even Ingrid, whom it does not
       know, may come in. What can go wrong is ordered at http://localhost:{ports.simulator_http}
       (Meridian single sign-on > In Kestrel & Co).

  Mail that Meridian writes:  http://localhost:{ports.portal}/mailbox/  (kept in {data / "mail"})
  Logs are in {data / "logs"}.
  Ctrl-C stops everything and keeps the data; make demo-reset forgets it.
"""
