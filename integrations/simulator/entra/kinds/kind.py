"""One kind of refusal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`text` and `why` have places to fill in: {client_id}, {app}, {tenant}, {user} and others."""

    error: str
    status: int
    text: str
    suberror: str = ""
    has_uri: bool = False
    why: str = ""
    """For the request log: the reason in one plain sentence, where the text itself is not one."""
    has_claims: bool = False
    """It comes with the `claims` of a step-up, to be sent along to /authorize."""
    in_redirect: str = ""
    """The OAuth error in a redirect, where that is another one than at /token."""
