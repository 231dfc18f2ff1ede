# ruff: noqa: E501  sentences stay whole, so that a search finds them
"""What is wrong with a server of the organization's own, said to an admin of the account: what it is, and what helps.

Pure. What the people are told who are connected there is in `health.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from integrations.failures import Reason


@dataclass(frozen=True)
class Words:
    says: str
    helps: str


_BY_ITSELF = "Whoever is connected there comes back by itself."
_WORDS: Mapping[str, Words] = {
    Reason.PASSWORD_REFUSED: Words(
        "The server refuses the user name and password of the impersonation account.",
        "Set the account again below, with its password of now. Meridian does not try the old one any more, so that the server does not lock the account.",
    ),
    Reason.PASSWORD_EXPIRED: Words(
        "The password of the impersonation account has expired.",
        "Give the account a new password on the server, then set it below. A password that never expires is usual for such an account.",
    ),
    Reason.ACCOUNT_DISABLED: Words(
        "The impersonation account is disabled on the server.",
        "Enable it there: Meridian looks again by itself. Or set another account below.",
    ),
    Reason.ACCOUNT_LOCKED: Words(
        "The server has locked the impersonation account after too many attempts to sign in.",
        "Meridian waits for half an hour and tries again by itself. If it stays locked, somebody else uses the account with an old password.",
    ),
    Reason.IMPERSONATION_REFUSED: Words(
        "The impersonation account can sign in, but the server lets it open nobody’s mailbox.",
        "An admin of the server assigns it the role ApplicationImpersonation, for the people who use Meridian. Meridian looks again by itself; sooner with Check now.",
    ),
    Reason.KEY_MISSING: Words(
        "Meridian cannot open the password that it keeps for the impersonation account.",
        "The people who run Meridian have been told. Or set the account again below.",
    ),
    Reason.SERVER_UNREACHABLE: Words(
        "The server does not answer.",
        f"Meridian tries again by itself, at least every ten minutes. If this stays: is the server running, and may Meridian reach it through the firewall? {_BY_ITSELF}",
    ),
    Reason.NO_ANSWER: Words(
        "The server did not answer in time.",
        f"Meridian tries again by itself. {_BY_ITSELF}",
    ),
    Reason.CERTIFICATE_UNTRUSTED: Words(
        "The server’s certificate is not trusted: it has expired, is of another name, or of an authority that Meridian does not know.",
        f"An admin of the server installs a valid certificate for this name; or, if your organization has a certificate authority of its own, the people who run Meridian add it to EXCHANGE_CA_BUNDLE. {_BY_ITSELF}",
    ),
    Reason.ADDRESS_NOT_ALLOWED: Words(
        "Meridian may not ask this address: it leads into a private network, or to a port that is not allowed.",
        f"The people who run Meridian can allow it (PRIVATE_NETWORKS_ALLOWED, EXCHANGE_PORTS). {_BY_ITSELF}",
    ),
    Reason.NOT_EXCHANGE: Words(
        "What answers at this address does not speak Exchange Web Services.",
        "Is the EWS URL right? It usually ends in /EWS/Exchange.asmx. Correct it in the settings, or have Exchange Web Services enabled on the server.",
    ),
    Reason.TOO_MANY_REQUESTS: Words(
        "The server is busy and has asked Meridian to wait.",
        f"Nothing needs to be done: Meridian waits as long as it was asked to. {_BY_ITSELF}",
    ),
    Reason.SERVICE_TROUBLE: Words(
        "The server has trouble answering.",
        f"Meridian tries again by itself. {_BY_ITSELF}",
    ),
    Reason.PERMISSION_MISSING: Words(
        "The server does not let the impersonation account use Exchange Web Services.",
        "An admin of the server allows it for the account. Meridian looks again by itself; sooner with Check now.",
    ),
    Reason.NO_MAILBOX: Words(
        "There is no such mailbox on the server.",
        "An admin of the server can tell where it is.",
    ),
    Reason.MOVED_TO_CLOUD: Words(
        "The mailbox was moved to Exchange Online.",
        "It can be connected by Office 365.",
    ),
}
_UNKNOWN = Words("The server answers in a way that Meridian does not know.", "Meridian tries again by itself.")


def of(reason: str) -> Words:
    return _WORDS.get(reason, _UNKNOWN)
