"""Why somebody does not come in: a closed list, with words for the person. What exactly was found is the admin's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    # ── of the provider ──
    PROVIDER_DOWN = "provider_down"
    PROVIDER_MISTAKEN = "provider_mistaken"  # it answers with what the protocol does not allow
    PROVIDER_REFUSED = "provider_refused"
    NOT_ASSIGNED = "not_assigned"  # it knows the person, who may not use this application: no licence, no assignment
    CANCELLED = "cancelled"
    # ── of the settings ──
    TURNED_OFF = "turned_off"
    SECRET_REFUSED = "secret_refused"  # noqa: S105
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    KEY_UNKNOWN = "key_unknown"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    MISSING_SUBJECT = "missing_subject"
    MISSING_EMAIL = "missing_email"
    # ── of the answer ──
    NOT_ASKED = "not_asked"  # not the answer to a question of this browser
    TOO_LATE = "too_late"
    CLOCK = "clock"
    REPLAYED = "replayed"
    SIGNATURE = "signature"
    MALFORMED = "malformed"
    # ── of the person ──
    NOBODY = "nobody"
    NOT_JOINED = "not_joined"
    DEACTIVATED = "deactivated"
    ANOTHER_ACCOUNT = "another_account"
    NOT_PROVED = "not_proved"  # neither a password nor a verified domain says that it is the person of that address
    BOUND_TO_ANOTHER = "bound_to_another"  # the person here is another subject of the provider
    AMBIGUOUS = "ambiguous"
    # ── of a password ──
    WRONG_PASSWORD = "wrong_password"  # noqa: S105
    TOO_MANY_TRIES = "too_many_tries"
    ONLY_SINGLE_SIGN_ON = "only_single_sign_on"
    WRONG_CODE = "wrong_code"


@dataclass(frozen=True)
class Words:
    """For the person: what it is, and what to do next."""

    title: str
    text: str


class Refused(Exception):
    """Nobody comes in. `detail` is for the admin: exactly what was found, without any secret."""

    def __init__(self, cause: Cause, detail: str, *, email: str = "", subject: str = "") -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause, self.detail = cause, detail
        self.email, self.subject = email, subject


_ASK = "Ask an admin of your organization, and name the reference below."
_AGAIN = "Sign in once more. If it happens again, ask an admin of your organization, and name the reference below."
_SETTINGS = f"Your organization’s settings for single sign-on have to be mended. {_ASK}"

WORDS: dict[Cause, Words] = {
    Cause.PROVIDER_DOWN: Words("Your identity provider does not answer", "Try again in a few minutes."),
    Cause.PROVIDER_MISTAKEN: Words("Your identity provider’s answer made no sense", _ASK),
    Cause.PROVIDER_REFUSED: Words("Your identity provider refused", _ASK),
    Cause.NOT_ASSIGNED: Words(
        "You may not use Meridian yet",
        "Your organization knows you, and has not given you Meridian. Ask an admin there to assign it to you, and name "
        "the reference below.",
    ),
    Cause.CANCELLED: Words("Signing in was cancelled", "Nothing has happened. Sign in again when you like."),
    Cause.TURNED_OFF: Words(
        "Single sign-on is turned off", "Sign in with your e-mail and password, or ask an admin of your organization."
    ),
    Cause.SECRET_REFUSED: Words("Your identity provider does not know Meridian any more", _SETTINGS),
    Cause.CERTIFICATE_EXPIRED: Words("Your identity provider’s certificate has expired", _SETTINGS),
    Cause.CERTIFICATE_UNKNOWN: Words("Your identity provider uses a certificate that is not known here", _SETTINGS),
    Cause.KEY_UNKNOWN: Words("Your identity provider uses a key that is not known here", _AGAIN),
    Cause.ISSUER: Words("The answer came from another identity provider", _SETTINGS),
    Cause.AUDIENCE: Words("The answer was meant for another application", _SETTINGS),
    Cause.MISSING_SUBJECT: Words("Your identity provider does not say who you are", _SETTINGS),
    Cause.MISSING_EMAIL: Words("Your identity provider does not give your e-mail address", _SETTINGS),
    Cause.NOT_ASKED: Words(
        "This sign-in was not begun here",
        "It may have been used already, or begun in another browser. Begin here, in this browser.",
    ),
    Cause.TOO_LATE: Words("That took too long", "For safety a sign-in is good for a few minutes. Begin again."),
    Cause.CLOCK: Words("The clocks do not agree", f"Your identity provider’s clock and ours are too far apart. {_ASK}"),
    Cause.REPLAYED: Words("This sign-in was used already", "Begin again: each is good for one time."),
    Cause.SIGNATURE: Words("The answer is not signed as it should be", _SETTINGS),
    Cause.MALFORMED: Words("The answer could not be read", _AGAIN),
    Cause.NOBODY: Words(
        "Nobody here has your address",
        "Your identity provider knows you; Meridian does not. Ask an admin of your organization to invite you, and "
        "name the reference below.",
    ),
    Cause.NOT_JOINED: Words(
        "Accept your invitation first", "Open the link in the newest invitation you were mailed, then sign in."
    ),
    Cause.NOT_PROVED: Words(
        "We cannot tell yet that it is you",
        "Set a password by “Forgotten?” on the sign-in page; then sign in this way again and give it once.",
    ),
    Cause.DEACTIVATED: Words("You may not sign in at present", _ASK),
    Cause.ANOTHER_ACCOUNT: Words("This address cannot be used here", _ASK),
    Cause.BOUND_TO_ANOTHER: Words(
        "Your identity provider knows you as somebody else now",
        "You may be signed in there with another account. If not, ask an admin of your organization, and name the "
        "reference below.",
    ),
    Cause.AMBIGUOUS: Words("More than one person could be meant", _AGAIN),
    Cause.WRONG_PASSWORD: Words("That is not your password", "Begin again, or set a new one on the sign-in page."),
    Cause.TOO_MANY_TRIES: Words("That was wrong too often", "Wait fifteen minutes, then try again."),
    Cause.ONLY_SINGLE_SIGN_ON: Words("No password is taken here", "Sign in by your organization’s identity provider."),
    Cause.WRONG_CODE: Words("That is not your code", "Begin again."),
}
