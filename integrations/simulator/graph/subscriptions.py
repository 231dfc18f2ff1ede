"""Subscriptions: who wants to be told of changes to whose events, and where."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db.models import QuerySet

from integrations.simulator.control import seen
from integrations.simulator.entra import principals
from integrations.simulator.entra.tenants import as_guid
from integrations.simulator.graph import errors, notices, posting, scoping, times
from integrations.simulator.graph import subscription_requests as requests
from integrations.simulator.graph.asking import Asking, Caller
from integrations.simulator.graph.replies import NO_CONTENT, Reply, created
from integrations.simulator.models import Calendar, Person, Subscription

MOST_PER_MAILBOX = 1000


def create(asking: Asking) -> Reply:
    """The addresses are tried while the client waits: it must be able to answer both at once."""
    wanted = requests.read(asking.body, now=asking.now)
    person, calendar = _subject(asking.caller, wanted.resource)
    if Subscription.objects.filter(person=person, expires_at__gt=asking.now).count() >= MOST_PER_MAILBOX:
        raise errors.too_many_subscriptions(MOST_PER_MAILBOX)
    for url in (wanted.notification_url, wanted.lifecycle_url):
        if url:
            _try(url, asking)
    subscription = Subscription.objects.create(
        graph_id=uuid4(),
        application=asking.caller.application,
        person=person,
        creator=asking.caller.person,
        calendar=calendar,
        resource=asking.body["resource"],
        change_types=list(wanted.changes),
        notification_url=wanted.notification_url,
        lifecycle_url=wanted.lifecycle_url,
        client_state=wanted.client_state,
        has_immutable_ids=asking.prefer.immutable_ids,
        created_at=asking.now,
        expires_at=wanted.expires_at,
    )
    location = f"{asking.base}/subscriptions('{subscription.graph_id}')"
    return created(_entity(asking, subscription, with_state=True), location=location)


def every(asking: Asking) -> Reply:
    asking.check_options(())
    shown = [_shown(subscription) for subscription in _mine(asking).order_by("pk")]
    return Reply({"@odata.context": f"{asking.base}/$metadata#subscriptions", "value": shown})


def one(asking: Asking, subscription_id: str) -> Reply:
    asking.check_options(())
    return Reply(_entity(asking, _by_id(asking, subscription_id)))


def renew(asking: Asking, subscription_id: str) -> Reply:
    """A renewal authorises anew, too."""
    subscription = _by_id(asking, subscription_id)
    requests.check_change(asking.body)
    _subject(asking.caller, subscription.resource)
    if asking.body.get("expirationDateTime"):
        subscription.expires_at = requests.expiry(asking.body["expirationDateTime"], now=asking.now)
    if asking.body.get("notificationUrl"):
        subscription.notification_url = requests.url(asking.body["notificationUrl"], "notificationUrl")
        _try(subscription.notification_url, asking)
    subscription.reauthorization_at = None
    _keep(subscription, "expires_at", "notification_url", "reauthorization_at")
    return Reply(_entity(asking, subscription))


def reauthorize(asking: Asking, subscription_id: str) -> Reply:
    """Its end stays where it is; the next reminder comes when the usual time has gone by."""
    subscription = _by_id(asking, subscription_id)
    _subject(asking.caller, subscription.resource)
    subscription.reauthorization_at = asking.now
    _keep(subscription, "reauthorization_at")
    return NO_CONTENT


def delete(asking: Asking, subscription_id: str) -> Reply:
    _by_id(asking, subscription_id).delete()
    return NO_CONTENT


def drop(subscription: Subscription, *, why: str = "The subscription was removed.") -> None:
    """Microsoft removes it: the application is told so, where it said that it wants to know."""
    notices.tell_lifecycle(subscription, "subscriptionRemoved", why=why)
    subscription.delete()


def _subject(caller: Caller, resource: str) -> tuple[Person, Calendar | None]:
    """Whose events, and of which calendar (None: all), once this caller may read them."""
    found = requests.RESOURCES.find(resource.partition("?")[0])
    person = scoping.about(caller, found)
    scoping.check(found.routes["GET"], found, caller, person)
    if person is None:
        raise errors.only_delegated()
    mine = Calendar.objects.filter(person=person)
    if found.ids:
        calendar = mine.filter(graph_id=found.ids[0]).first()
        if calendar is None:
            raise errors.not_in_store()
        return person, calendar
    return person, mine.filter(is_default=True).first() if found.path.endswith("calendar/events") else None


def _try(url: str, asking: Asking) -> None:
    problem = posting.shake_hands(url)
    seen.sent(
        at=asking.now,
        where=posting.without_query(url),
        status=0 if problem else 200,
        why=problem or "The address proved that it wants to be told: it echoed the validation token.",
        who=asking.caller.person.sign_in_name if asking.caller.person else "",
        app=asking.caller.client_id,
        tenant=asking.caller.tenant.name,
    )
    if problem:
        raise errors.not_validated(problem).because(f"{posting.without_query(url)} did not pass the handshake.")


def _mine(asking: Asking) -> QuerySet[Subscription]:
    """The application's own: those it made for this person; asking for itself, all it has in the tenant."""
    caller = asking.caller
    mine = Subscription.objects.select_related("application", "creator", "person__tenant").filter(
        application__client_id=caller.client_id, expires_at__gt=asking.now
    )
    return mine.filter(creator=caller.person) if caller.person else mine.filter(person__tenant=caller.tenant)


def _by_id(asking: Asking, subscription_id: str) -> Subscription:
    guid = as_guid(subscription_id)
    subscription = _mine(asking).filter(graph_id=guid).first() if guid else None
    if subscription is None:
        raise errors.no_such_subscription()
    return subscription


def _keep(subscription: Subscription, *names: str) -> None:
    """It may have been deleted while its address was being tried."""
    changed = {name: getattr(subscription, name) for name in names}
    if not Subscription.objects.filter(pk=subscription.pk).update(**changed):
        raise errors.no_such_subscription()


def _entity(asking: Asking, subscription: Subscription, *, with_state: bool = False) -> dict[str, Any]:
    context = f"{asking.base}/$metadata#subscriptions/$entity"
    return {"@odata.context": context, **_shown(subscription, with_state=with_state)}


def _shown(subscription: Subscription, *, with_state: bool = False) -> dict[str, Any]:
    """The client state is shown to who sets it, and never again."""
    application, creator = subscription.application, subscription.creator
    return {
        "id": str(subscription.graph_id),
        "resource": subscription.resource,
        "applicationId": str(application.client_id),
        "changeType": ",".join(subscription.change_types),
        "clientState": subscription.client_state if with_state else None,
        "notificationUrl": subscription.notification_url,
        "notificationQueryOptions": None,
        "lifecycleNotificationUrl": subscription.lifecycle_url,
        "expirationDateTime": times.stamp(subscription.expires_at),
        "creatorId": str(creator.oid if creator else principals.oid(application.client_id, subscription.person.tenant)),
        "includeResourceData": None,
        "latestSupportedTlsVersion": "v1_2",
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationUrlAppId": None,
    }
