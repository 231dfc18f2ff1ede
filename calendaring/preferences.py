"""The *Data Sync* section of Mail & Calendar, in the portal's own words."""

from __future__ import annotations

from accounts.cascade.declare import Section, setting
from integrations.preferences import MAIL_AND_CALENDAR


class DataSync(Section, prefix="data_sync", title="Data Sync", page=MAIL_AND_CALENDAR):
    bidirectional: bool = setting(
        default=True,
        label="Bidirectional sync for Zoom meeting data between Zoom web portal and calendars",
        help=(
            "Meetings scheduled here appear in people’s calendars, and what they change there changes here. Meetings "
            "that are scheduled already stay as they are until they are edited. Calendars that are connected by "
            "Exchange Web Services (EWS) are read only."
        ),
        consequential=True,
        offered=False,
    )
