"""Why something happened to a connection, said to others than the person it belongs to: in the audit log.

What the person is told, and what to do about it, is said in `health.py`.
"""

from __future__ import annotations

from integrations.failures import Reason
from integrations.policy import Obstacle

_WORDS: dict[str, str] = {
    Reason.SESSIONS_REVOKED: "The sessions were ended at Microsoft, or the password was changed",
    Reason.INACTIVE: "The access was not used for 90 days",
    Reason.GRANT_EXPIRED: "The permission has expired",
    Reason.GRANT_UNKNOWN: "Microsoft no longer recognises the access",
    Reason.SIGN_IN_TOO_OLD: "The organization asks for a new sign-in from time to time",
    Reason.CONSENT_WITHDRAWN: "The permission was withdrawn at Microsoft",
    Reason.PASSWORD_EXPIRED: "The password at Microsoft has expired",
    Reason.ACCOUNT_DISABLED: "The account at Microsoft is disabled",
    Reason.ACCOUNT_GONE: "Microsoft no longer knows the account",
    Reason.ACCOUNT_LOCKED: "The account at Microsoft was locked after too many attempts",
    Reason.MFA_NEEDED: "Microsoft wants a second step at sign-in",
    Reason.STEP_UP: "Microsoft wants a new sign-in, with more proof than before",
    Reason.CONDITIONAL_ACCESS: "A rule of the organization at Microsoft stops Meridian (Conditional Access)",
    Reason.NOT_ASSIGNED: "The person is not among those who may use Meridian with Microsoft 365",
    Reason.APP_REMOVED: "Meridian was removed or switched off in the Microsoft 365 organization",
    Reason.SERVICE_ABSENT: "The Microsoft 365 organization does not offer the service by which calendars are read",
    Reason.TENANT_GONE: "Microsoft no longer knows the organization",
    Reason.TENANT_BLOCKED: "The organization is blocked by Microsoft",
    Reason.REFUSED: "Microsoft gave no reason that Meridian knows",
    Reason.LOST_IN_FLIGHT: "Meridian was interrupted while it renewed the access",
    Reason.DECLINED: "The person declined at Microsoft",
    Reason.CANCELLED: "The person left Microsoft’s page without finishing",
    Reason.ADMIN_APPROVAL: "Microsoft wants an administrator’s approval",
    Reason.APPROVED: "Meridian was approved at Microsoft, and the person’s own step is left",
    Reason.CODE_SPENT: "Microsoft’s answer had been used already",
    Reason.CODE_REFUSED: "Microsoft did not accept its own answer when it was brought back",
    Reason.NO_MAILBOX: "The account has no mailbox that Meridian can read",
    Reason.GUEST: "The account is a guest at Microsoft, and guests have no mailbox there",
    Reason.ON_PREMISES: "The mailbox is most likely on a server of the organization’s own",
    Reason.EWS_DISABLED: "Exchange Online no longer answers by Exchange Web Services (EWS) there",
    Reason.EWS_NOT_ALLOWED: "The organization does not let Meridian use Exchange Web Services (EWS)",
    Reason.PASSWORD_REFUSED: "The Exchange server refused the user name and password",
    Reason.IMPERSONATION_REFUSED: "The Exchange server does not let the impersonation account open the mailbox",
    Reason.IMPERSONATION_ENDED: "The Exchange server’s impersonation account was removed in Meridian",
    Reason.SERVER_UNREACHABLE: "The Exchange server does not answer",
    Reason.CERTIFICATE_UNTRUSTED: "The Exchange server’s certificate is not trusted",
    Reason.ADDRESS_NOT_ALLOWED: "Meridian may not ask the address of the Exchange server",
    Reason.NOT_EXCHANGE: "What answers at the EWS address is no Exchange server",
    Reason.MOVED_TO_CLOUD: "The mailbox was moved to Exchange Online",
    Reason.ADDRESS_CHANGED: "The person signs in with another address since",
    Reason.PERMISSION_MISSING: "A permission that was given is missing",
    Reason.CONSENT_REVOKED: "The organization’s consent to Application Permissions was withdrawn at Microsoft",
    Reason.SCOPED_OUT: "The organization does not let Meridian into this mailbox",
    Reason.AMBIGUOUS: "The mailbox at Microsoft cannot be told for certain",
    Reason.OUTSIDE_DOMAIN: "The address is not of a domain that the organization’s consent is used for",
    Reason.NOT_COVERED: "The organization’s consent is no longer used for this person",
    Reason.LINK_ENDED: "The organization’s consent is no longer used",
    Reason.CREDENTIAL_EXPIRED: "Meridian’s own registration at Microsoft has expired",
    Reason.CREDENTIAL_WRONG: "Microsoft refuses Meridian’s own registration",
    Reason.REQUEST_REJECTED: "Microsoft rejected the way Meridian asked",
    Reason.KEY_MISSING: "Meridian cannot open what it keeps for the connection",
    Reason.TOO_MANY_REQUESTS: "Microsoft asked Meridian to wait",
    Reason.SERVICE_TROUBLE: "Microsoft had trouble answering",
    Reason.NO_ANSWER: "Microsoft did not answer",
    Reason.TOKEN_REFUSED: "Microsoft refused a key that it had just given",
    Obstacle.TURNED_OFF: "The integration is turned off",
    Obstacle.ANOTHER_SERVICE: "Another service was chosen",
    Obstacle.ANOTHER_API: "Another way to authorize was chosen",
    Obstacle.ANOTHER_SERVER: "Another Exchange server was chosen",
    Obstacle.SET_UP_BY_ADMIN: "The integration is set up by an admin",
    Obstacle.SET_UP_BY_PEOPLE: "People set the integration up themselves",
    Obstacle.DOMAIN: "The address is not of an allowed domain",
    Obstacle.CALENDAR_WRITE: "Calendars may only be read",
    Obstacle.CONTACTS_WRITE: "Contacts may only be read",
}


def in_words(reason: str) -> str:
    """Raises KeyError for one that is none of ours."""
    return _WORDS[reason]
