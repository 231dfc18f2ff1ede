"""Microsoft's Graph client: contacts, settings of a mailbox, and who may reach one."""

from __future__ import annotations

import pytest
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.conformance.asking import asking
from tests.conformance.clients import Clients, ItsOwn, Registration
from tests.conformance.conftest import BEN, FABRIKAM, READERS, SCOPED


async def test_contacts_are_listed_and_read(ben: GraphServiceClient) -> None:
    page = await ben.me.contacts.get(asking(ben.me.contacts, top=2))
    every = await ben.me.contacts.get(asking(ben.me.contacts, orderby=["displayName"]))

    one = await ben.me.contacts.by_contact_id(every.value[0].id).get()

    assert len(page.value) == 2
    assert page.odata_next_link
    assert [each.display_name for each in every.value] == ["Carla Diaz", "Dev Shah", "Emi Mori"]
    assert one.email_addresses[0].address == "carla@northwind.example"
    assert one.company_name == "Northwind"


async def test_a_mailbox_says_in_which_time_zone_it_lives(ben: GraphServiceClient) -> None:
    settings = await ben.me.mailbox_settings.get()

    assert settings.time_zone in {"W. Europe Standard Time", "Europe/Berlin"}


async def test_an_application_without_permission_is_refused_in_outlooks_words(clients: Clients) -> None:
    readers = clients.graph(ItsOwn(clients.msal(Registration(READERS, clients.simulator.client_secret), FABRIKAM)))

    with pytest.raises(ODataError) as refused:
        await readers.users.by_user_id(BEN).events.get()

    assert refused.value.response_status_code == 403
    assert refused.value.error.code == "ErrorAccessDenied"


async def test_a_scoped_application_reaches_its_mailboxes_and_no_other(clients: Clients) -> None:
    scoped = clients.graph(ItsOwn(clients.msal(Registration(SCOPED, clients.simulator.client_secret), FABRIKAM)))

    page = await scoped.users.by_user_id(BEN).calendars.get()
    with pytest.raises(ODataError) as refused:
        await scoped.users.by_user_id("cleo@fabrikam.example").calendars.get()

    assert page.value
    assert refused.value.response_status_code == 403
    assert refused.value.error.code == "ErrorAccessDenied"


async def test_a_person_without_a_mailbox_has_no_calendar(app: GraphServiceClient) -> None:
    with pytest.raises(ODataError) as refused:
        await app.users.by_user_id("nomail@fabrikam.example").calendars.get()

    assert refused.value.response_status_code == 404
    assert refused.value.error.code == "MailboxNotEnabledForRESTAPI"


async def test_a_person_reaches_no_other_mailbox_without_being_given_it(ben: GraphServiceClient) -> None:
    with pytest.raises(ODataError) as refused:
        await ben.users.by_user_id("cleo@fabrikam.example").events.get()

    assert refused.value.response_status_code in {403, 404}
    assert refused.value.error.code in {"ErrorAccessDenied", "ErrorItemNotFound"}
