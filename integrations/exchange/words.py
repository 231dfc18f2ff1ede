# ruff: noqa: E501  sentences stay whole, so that a search finds them
"""What is wrong with a calendar that is read by Exchange Web Services, said to the person it belongs to. Pure.

How it is laid on connections, and with which button, is in `health.py`.
"""

from __future__ import annotations

from integrations.failures import Reason
from integrations.models import Ending

_ACCOUNT_THERE = "The people who run your organization’s Exchange server can tell why."

# Of a server of the organization's own.
LOST: dict[str, str] = {
    Reason.PASSWORD_REFUSED: "The Exchange server no longer accepts your user name and password: most likely your password was changed.",
    Reason.PASSWORD_EXPIRED: "Your password at the Exchange server has expired. Change it there, then reconnect.",
    Reason.ACCOUNT_DISABLED: f"Your account at the Exchange server is disabled. {_ACCOUNT_THERE}",
    Reason.PERMISSION_MISSING: f"For a day the Exchange server has not let Meridian read your mailbox. {_ACCOUNT_THERE}",
    Reason.ADDRESS_CHANGED: "You sign in to Meridian with another address since. Your organization’s account there opens the mailbox of your own address, and no other.",
    Reason.REFUSED: f"The Exchange server refuses Meridian’s access to your mailbox. {_ACCOUNT_THERE}",
}
PASSING: dict[str, str] = {
    Reason.SERVER_UNREACHABLE: "The Exchange server does not answer.",
    Reason.NO_ANSWER: "The Exchange server does not answer.",
    Reason.NOT_EXCHANGE: "What answers at the address of the Exchange server is no Exchange server at the moment.",
    Reason.ACCOUNT_LOCKED: "The Exchange server has locked your account after too many attempts to sign in.",
    Reason.TOO_MANY_REQUESTS: "The Exchange server asks us to wait: too many requests.",
    Reason.SERVICE_TROUBLE: "The Exchange server has trouble answering.",
    Reason.NO_MAILBOX: "The Exchange server says that there is no mailbox of this address at the moment.",
    Reason.PERMISSION_MISSING: "The Exchange server does not let Meridian read your mailbox at the moment.",
    Reason.IMPERSONATION_REFUSED: "The Exchange server does not let Meridian into your mailbox at the moment.",
}
PAUSED: dict[str, str] = {
    Reason.CERTIFICATE_UNTRUSTED: "The certificate of the Exchange server is not trusted, so Meridian sends nothing there.",
    Reason.ADDRESS_NOT_ALLOWED: "Meridian may not ask the address of your organization’s Exchange server.",
    Reason.NOT_EXCHANGE: "What answers at the address of the Exchange server is no Exchange server.",
    Reason.KEY_MISSING: "Meridian cannot open what it keeps for this connection. Its operator has been told.",
    Reason.IMPERSONATION_ENDED: "The account by which your organization connects calendars was taken away.",
    Reason.IMPERSONATION_REFUSED: "The Exchange server lets the account by which your organization connects calendars open nobody’s mailbox.",
    Reason.PASSWORD_REFUSED: "The Exchange server refuses the account by which your organization connects calendars.",
    Reason.PASSWORD_EXPIRED: "The password of the account by which your organization connects calendars has expired.",
    Reason.ACCOUNT_DISABLED: "The account by which your organization connects calendars is disabled at the Exchange server.",
    Reason.PERMISSION_MISSING: "The Exchange server does not let the account by which your organization connects calendars use Exchange Web Services.",
}
PAUSED_OTHERWISE = "The Exchange server cannot be used at the moment."
NO_MAILBOX: dict[str, str] = {
    Reason.NO_MAILBOX: "The Exchange server knows no mailbox of this address.",
    Reason.MOVED_TO_CLOUD: "Your mailbox was moved from the Exchange server to Exchange Online.",
    Reason.IMPERSONATION_REFUSED: "The Exchange server does not let Meridian into your mailbox.",
}
# On the way there.
ON_THE_WAY: dict[str, str] = {
    **PAUSED,
    **NO_MAILBOX,
    Reason.PASSWORD_REFUSED: "The Exchange server did not accept this user name and password.",
    Reason.PASSWORD_EXPIRED: "This password has expired at the Exchange server. Change it there, then try again.",
    Reason.ACCOUNT_DISABLED: f"This account is disabled at the Exchange server. {_ACCOUNT_THERE}",
    Reason.ACCOUNT_LOCKED: "The Exchange server has locked this account after too many attempts to sign in. Wait half an hour, then try again.",
    Reason.PERMISSION_MISSING: f"The Exchange server does not let this account read the mailbox. {_ACCOUNT_THERE}",
    Reason.ADDRESS_CHANGED: "You sign in to Meridian with another address since.",
    Reason.IMPERSONATION_ENDED: "The account by which your organization connects calendars does not work at the moment. An admin of your account can see to it.",
    Ending.TAKEN: "This mailbox is already connected to somebody else in Meridian. That connection must be deleted before it can be connected here; an admin of your account can help.",
    Ending.ANOTHER_ACCOUNT: "This is another mailbox than the connected one. Give the same address, or delete the connection first.",
    Ending.ANOTHER_DOMAIN: "The mailbox is of another domain than your organization allows.",
    Ending.NOT_ALLOWED: "Your organization changed its settings meanwhile.",
    Ending.INTERRUPTED: "The way to the Exchange server was interrupted, and nothing was kept.",
    Ending.EXPIRED: "The way to the Exchange server was not finished in time.",
}

# Of Exchange Online.
EWS_IS_OFF: dict[str, str] = {
    Reason.EWS_DISABLED: "Exchange Online no longer answers Meridian by Exchange Web Services (EWS): Microsoft has blocked them by default since 1 October 2026.",
    Reason.EWS_NOT_ALLOWED: "Your Microsoft 365 organization does not let Meridian use Exchange Web Services (EWS).",
}

AT_ONCE = "Your calendar can go on by Graph at once: Microsoft asks you to sign in and agree."
ADMINS_MOVE = "The admins of your account see it, and can move your connection to Graph. It is kept, and comes back by itself should EWS be allowed again."
NOT_AGAIN = "Meridian does not try it again, so that your account is not locked. Your settings and history are kept."
LOCKED_OUT = "Your connection is kept. Meridian waits for half an hour, then tries again by itself."
KEPT_THERE = "Your connection is kept and comes back by itself. The admins of your account see it; there is nothing you need to do."
MOVED_ON = "Sign in at Microsoft once, and your calendar goes on."
MOVED_ELSEWHERE = "An admin of your account has to choose Office 365 for you; then sign in at Microsoft once. Trying again does not help before that."
MOVED_AND_STUCK = "An admin of your account has to choose Office 365 for you; then sign in at Microsoft once, and your calendar goes on."
LET_IN = (
    "The people who run your organization’s Exchange server can let it in. Meridian looks again by itself every day."
)
KNOWS_NONE = "Was your address changed? Then reconnect with the new one. Should the mailbox appear, Meridian finds it within a week."
ASKED = "Your organization moves calendars from Exchange Web Services to Graph."
ASKED_ONCE = "Microsoft asks you to agree once. Until then Meridian goes on as before, for as long as EWS answers."
