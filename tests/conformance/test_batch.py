"""Microsoft's Graph client: several requests in one."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgraph import GraphServiceClient
from msgraph.generated.models.event import Event
from msgraph.generated.models.user import User
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem

from tests.conformance.asking import meeting


async def test_reading_and_writing_in_one_request(ben: GraphServiceClient, day: datetime) -> None:
    read = BatchRequestItem(ben.me.to_get_request_information(), id="who")
    write = BatchRequestItem(
        ben.me.events.to_post_request_information(meeting("In a batch", day + timedelta(hours=18))), id="write"
    )

    answers = await ben.batch.post(BatchRequestContent({"who": read, "write": write}))

    assert answers.get_response_status_codes() == {"who": 200, "write": 201}
    assert answers.get_response_by_id("who", User).display_name == "Ben Walters"
    assert answers.get_response_by_id("write", Event).subject == "In a batch"


async def test_one_refusal_does_not_touch_the_others(ben: GraphServiceClient) -> None:
    missing = BatchRequestItem(ben.me.events.by_event_id("AAMkNoSuchEvent=").to_get_request_information(), id="none")
    read = BatchRequestItem(ben.me.to_get_request_information(), id="who")

    answers = await ben.batch.post(BatchRequestContent({"none": missing, "who": read}))

    assert answers.get_response_status_codes() == {"none": 404, "who": 200}
