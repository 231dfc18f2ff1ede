"""All that a diagnosis looks at, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from accounts.cascade import words
from accounts.cascade.declare import setting_of
from accounts.cascade.explain import Explanation, explain_at
from accounts.cascade.facts import Held
from accounts.cascade.read import held
from accounts.models import User
from integrations import connecting, credentials, fitting
from integrations.failures import Reason
from integrations.models import ALIVE, AppCredential, Connection, ExchangeServer, State, TenantLink
from integrations.policy import Obstacle, Shape, may_connect, still_fits
from integrations.preferences import Api, Integrations, Method, Service
from integrations.verdicts import shape_of

# By what our own registration is refused: the operator's to mend.
OURS = (Reason.CREDENTIAL_EXPIRED, Reason.CREDENTIAL_WRONG, Reason.REQUEST_REJECTED)
# The setting that is behind an obstacle; of the others it is the services.
_DECIDING = {Obstacle.TURNED_OFF: "enabled", Obstacle.DOMAIN: "domains"}


@dataclass(frozen=True)
class Case:
    connection: Connection
    reader: User
    holding: Held[Integrations]
    # By the name of the setting.
    explained: Mapping[str, Explanation]
    credentials: tuple[AppCredential, ...]
    now: datetime

    @property
    def link(self) -> TenantLink | None:
        """The consent of the organization by which it is connected, or would be."""
        return self.connection.link if self.is_by_organization else None

    @property
    def is_by_organization(self) -> bool:
        """Nothing about it is the person's own to do."""
        return self.connection.is_by_organization

    @property
    def server(self) -> ExchangeServer | None:
        """The server of the organization's own that it is at."""
        return self.connection.server

    @property
    def is_at_own_server(self) -> bool:
        """Nothing about it is Microsoft's to tell."""
        return self.connection.service == Service.EXCHANGE.value

    @property
    def is_by_impersonation(self) -> bool:
        return self.connection.method == Method.IMPERSONATION.value

    @property
    def person(self) -> User:
        return self.connection.user

    @property
    def obstacle(self) -> Obstacle | None:
        """What the settings of now have against this connection, or against connecting again what is not alive."""
        connection = self.connection
        is_kept = self.is_by_organization and connection.state == State.NOT_ELIGIBLE
        if connection.state in ALIVE or is_kept:
            return still_fits(self.holding, shape_of(connection))
        if connection.state == State.BLOCKED_BY_POLICY and connection.reason in list(Obstacle):
            return Obstacle(connection.reason)
        if not self.is_by_organization:
            return connecting.obstacle_to(self.holding.values, connection)
        wish = Shape(api=Api(connection.api), method=self.method, domain=connecting.domain_bound(connection))
        return may_connect(self.holding.values, wish)

    @property
    def method(self) -> Method:
        """By which it would be made anew: one of the organization's by whichever is chosen now."""
        return self.holding.values.services.who_can_set_up if self.is_by_organization else Method.OAUTH

    @property
    def is_credential_refused(self) -> bool:
        """Ours, as far as anybody knows: nothing can be renewed or connected until its operator has mended it."""
        if self.connection.state == State.PAUSED and self.connection.reason in OURS:
            return True
        # One that was not tried yet is no reason to wait.
        refused = [one for one in self.credentials if one.is_refused]
        return len(refused) == len(credentials.of_environment())

    def sentence(self, name: str) -> SafeString:
        """What holds of a setting for the person, and who decided it where."""
        return words.sentence(self.explained[name], words.Reader(self.reader))

    def sentence_behind(self, obstacle: Obstacle) -> SafeString:
        return self.sentence(_DECIDING.get(obstacle, "services"))


def read(connection: Connection, *, reader: User, now: datetime) -> Case:
    """As the settings allow it now. A constant number of queries."""
    holding = held(Integrations, connection.user)
    wanted = [setting_of(Integrations, name) for name in ("enabled", "services", "domains")]
    explained = explain_at(connection.user, wanted)
    return Case(
        connection=fitting.settle(connection, holding, now=now),
        reader=reader,
        holding=holding,
        explained={setting.name: explained[setting.key] for setting in wanted},
        credentials=_credentials(),
        now=now,
    )


def _credentials() -> tuple[AppCredential, ...]:
    """How Microsoft last answered each of the environment's. One query."""
    known = [one.fingerprint for one in credentials.of_environment()]
    return tuple(AppCredential.objects.filter(pk__in=known).order_by("name"))
