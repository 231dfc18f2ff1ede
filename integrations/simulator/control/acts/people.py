"""What happens to a person: their account, and the policies that they are under."""

from __future__ import annotations

from datetime import datetime, timedelta

from integrations.simulator.control.acts.declaring import Action, Kind, Parameter, Unfit, number
from integrations.simulator.models import Domain, Person

ACCOUNT, POLICY = "Account", "Policies"


def disable(person: Person, *, now: datetime) -> str:
    _set(person, is_enabled=False, valid_from=now)
    return f"{person.name} is disabled and cannot sign in."


def enable(person: Person, *, now: datetime) -> str:
    _set(person, is_enabled=True)
    return f"{person.name} is enabled and can sign in again."


def delete(person: Person, *, now: datetime) -> str:
    _set(person, deleted_at=now, valid_from=now)
    return f"{person.name} is deleted. Tokens are refused, and Graph does not know them any more."


def restore(person: Person, *, now: datetime) -> str:
    _set(person, deleted_at=None)
    return f"{person.name} is back, with the mailbox as it was. Old sessions stay dead."


def lock(person: Person, *, minutes: int, now: datetime) -> str:
    _set(person, locked_until=now + timedelta(minutes=minutes))
    return f"{person.name} is locked out for {minutes} minutes."


def unlock(person: Person, *, now: datetime) -> str:
    _set(person, locked_until=None, wrong_passwords=0)
    return f"{person.name} is unlocked."


def rename(person: Person, *, upn: str, now: datetime) -> str:
    """As the Microsoft 365 admin centre does it: user name and primary address change, the old one stays an alias."""
    new = _address_here(person, upn)
    taken = Person.objects.exclude(pk=person.pk)
    if taken.filter(upn__iexact=new).exists() or taken.filter(sign_in_name=new).exists():
        raise Unfit(f"{new} is somebody else’s name.", 409)
    old = person.upn
    if new.lower() == old.lower():
        raise Unfit(f"{new} is {person.name}’s name already.", 409)
    signs_in_by_upn = person.sign_in_name == person.upn.lower()
    follows = person.mail is not None and person.mail.lower() == old.lower()
    _set(
        person,
        upn=new,
        sign_in_name=new if signs_in_by_upn else person.sign_in_name,
        mail=new if follows else person.mail,
        aliases=[*(alias for alias in person.aliases if alias != new), old] if follows else person.aliases,
    )
    return f"{person.name} is now {new}. Sessions and tokens live on: they hang on the object id."


def set_aliases(person: Person, *, addresses: list[str], now: datetime) -> str:
    _set(person, aliases=[_address_here(person, address) for address in addresses])
    return f"{person.name} has the further addresses {', '.join(addresses) or '(none)'}."


def make_admin(person: Person, *, now: datetime) -> str:
    _set(person, is_admin=True)
    return f"{person.name} is an administrator and may consent for everybody."


def unmake_admin(person: Person, *, now: datetime) -> str:
    _set(person, is_admin=False)
    return f"{person.name} is no administrator any more."


def require_mfa(person: Person, *, now: datetime) -> str:
    _set(person, needs_mfa=True)
    return f"{person.name} needs a second factor from now on."


def no_mfa(person: Person, *, now: datetime) -> str:
    _set(person, needs_mfa=False)
    return f"{person.name} needs no second factor any more."


def block(person: Person, *, now: datetime) -> str:
    _set(person, is_blocked=True)
    return f"Conditional Access refuses {person.name} from now on."


def unblock(person: Person, *, now: datetime) -> str:
    _set(person, is_blocked=False)
    return f"Conditional Access lets {person.name} in again."


def _set(person: Person, **values: object) -> None:
    Person.objects.filter(pk=person.pk).update(**values)


def _address_here(person: Person, address: str) -> str:
    address = address.strip().lower()
    local, _, domain = address.rpartition("@")
    if not local or any(character.isspace() for character in address) or len(address) > 250:
        raise Unfit(f"“{address}” is no address.")
    if not Domain.objects.filter(tenant=person.tenant_id, name=domain, is_verified=True).exists():
        raise Unfit(f"{domain} is no verified domain of {person.tenant.name}.")
    return address


def _action(name: str, label: str, group: str, effect: str, do: object, **more: object) -> Action:
    return Action(on="people", name=name, label=label, group=group, effect=effect, do=do, **more)  # type: ignore[arg-type]


ACTIONS = (
    _action(
        "disable",
        "Disable",
        ACCOUNT,
        "Signing in and every refresh is refused with AADSTS50057. Enabling again does not bring old sessions back.",
        disable,
        is_harmful=True,
        fits=lambda person: person.is_enabled,
    ),
    _action(
        "enable",
        "Enable",
        ACCOUNT,
        "They can sign in again, anew.",
        enable,
        fits=lambda person: not person.is_enabled,
    ),
    _action(
        "delete",
        "Delete",
        ACCOUNT,
        "Tokens are refused with AADSTS50034, Graph answers 404, and they vanish from every list. They can be "
        "restored.",
        delete,
        is_harmful=True,
        fits=lambda person: person.deleted_at is None,
    ),
    _action(
        "restore",
        "Restore",
        ACCOUNT,
        "Out of the recycle bin, with mailbox and consents. They have to sign in again.",
        restore,
        fits=lambda person: person.deleted_at is not None,
    ),
    _action(
        "lock",
        "Lock out",
        ACCOUNT,
        "As after too many wrong passwords: signing in is refused with AADSTS50053. Refresh tokens live on.",
        lock,
        parameters=(number("minutes", "Minutes", 15, least=1, most=1440),),
        is_harmful=True,
        fits=lambda person: person.locked_until is None,
    ),
    _action(
        "unlock",
        "Unlock",
        ACCOUNT,
        "Wrong passwords are forgotten; they can sign in at once.",
        unlock,
        fits=lambda person: person.locked_until is not None or person.wrong_passwords,
    ),
    _action(
        "rename",
        "Rename",
        ACCOUNT,
        "The user name changes, the address with it, and the old address becomes an alias. Tokens live on. A client "
        "that knows people by address instead of object id loses them.",
        rename,
        parameters=(Parameter(name="upn", label="New user principal name", current=lambda person: person.upn),),
        is_harmful=True,
    ),
    _action(
        "aliases",
        "Set further addresses",
        ACCOUNT,
        "Exactly these become the further addresses of the mailbox. Signing in is by the user principal name alone.",
        set_aliases,
        parameters=(
            Parameter(
                name="addresses",
                label="Addresses",
                kind=Kind.WORDS,
                is_required=False,
                default=[],
                current=lambda person: person.aliases,
            ),
        ),
    ),
    _action(
        "make-admin",
        "Make administrator",
        ACCOUNT,
        "They may consent for the whole organization, and to permissions that need an administrator.",
        make_admin,
        fits=lambda person: not person.is_admin,
    ),
    _action(
        "unmake-admin",
        "Take the administrator’s role away",
        ACCOUNT,
        "They may consent for themselves only. What they granted stays.",
        unmake_admin,
        fits=lambda person: person.is_admin,
    ),
    _action(
        "require-mfa",
        "Require a second factor",
        POLICY,
        "Refresh tokens of sign-ins without one are refused with AADSTS50076 until they sign in again with it.",
        require_mfa,
        is_harmful=True,
        fits=lambda person: not person.needs_mfa,
    ),
    _action(
        "no-mfa",
        "Require no second factor",
        POLICY,
        "A password is enough again.",
        no_mfa,
        fits=lambda person: person.needs_mfa,
    ),
    _action(
        "block",
        "Block by Conditional Access",
        POLICY,
        "Signing in and every refresh is refused with AADSTS53003. Access tokens live to their end.",
        block,
        is_harmful=True,
        fits=lambda person: not person.is_blocked,
    ),
    _action(
        "unblock",
        "Let in again",
        POLICY,
        "Conditional Access does not stand in the way any more; refresh tokens that were not revoked work again.",
        unblock,
        fits=lambda person: person.is_blocked,
    ),
)
