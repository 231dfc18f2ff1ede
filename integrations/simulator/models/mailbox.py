"""What a mailbox holds: calendars, events, contacts; and who wants to hear of changes."""

from __future__ import annotations

from django.db import models

from integrations.simulator.models.applications import Application
from integrations.simulator.models.directory import Person


class Calendar(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="calendars")
    graph_id = models.CharField(max_length=160, unique=True)
    name = models.CharField(max_length=120, default="Calendar")
    color = models.CharField(max_length=20, default="auto")
    is_default = models.BooleanField(default=True)
    change_key = models.CharField(max_length=60)
    # The number of the last change to what is in it. Every change takes the next one.
    last_change = models.PositiveBigIntegerField(default=0)
    # Delta tokens of an earlier generation are answered with 410 Gone.
    sync_generation = models.PositiveIntegerField(default=1)
    # The last day that the seed has filled; later starts carry on from there.
    filled_until = models.DateField(null=True)
    # The last day on which "something is going on right now" was laid down.
    today_filled_on = models.DateField(null=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.person_id}"


class Event(models.Model):
    """One event, one series, or one occurrence of a series that differs from it (or was taken out).

    Ordinary occurrences are no rows: they follow from their master's `recurrence`.
    """

    class Kind(models.TextChoices):
        SINGLE = "singleInstance"
        MASTER = "seriesMaster"
        EXCEPTION = "exception"

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="events")
    graph_id = models.CharField(max_length=200, unique=True)
    immutable_id = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.SINGLE)
    # Of an exception: its series, the local date on which the series has the occurrence that this one stands for,
    # and whether it was taken out altogether.
    master = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="exceptions")
    original_date = models.DateField(null=True)
    is_removed = models.BooleanField(default=False)
    uid = models.CharField(max_length=160, db_index=True)
    ical_uid = models.CharField(max_length=200)
    change_key = models.CharField(max_length=60)
    # The change of the calendar that touched this row last.
    change_number = models.PositiveBigIntegerField()
    transaction_id = models.CharField(max_length=160, null=True)

    subject = models.CharField(max_length=255, default="")
    # HTML, as Exchange keeps it whatever was sent.
    body = models.TextField(default="")
    # Of a series: its first occurrence. All-day events float: midnight to midnight, read as such in any time zone.
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # Of a series: the end of its last occurrence, None when it has no end. Else the same as `ends_at`.
    lasts_until = models.DateTimeField(null=True)
    # As the client wrote it, Windows or IANA.
    time_zone = models.CharField(max_length=60, default="UTC")
    end_time_zone = models.CharField(max_length=60, default="UTC")
    is_all_day = models.BooleanField(default=False)
    is_cancelled = models.BooleanField(default=False)
    # Graph's `locations`; the first one is `location`.
    locations = models.JSONField(default=list)
    show_as = models.CharField(max_length=20, default="busy")
    sensitivity = models.CharField(max_length=20, default="normal")
    importance = models.CharField(max_length=10, default="normal")
    response = models.CharField(max_length=30, default="organizer")
    responded_at = models.DateTimeField(null=True)
    organizer_name = models.CharField(max_length=200)
    organizer_address = models.CharField(max_length=254)
    # [{"name", "address", "type", "response", "time"}]
    attendees = models.JSONField(default=list)
    categories = models.JSONField(default=list)
    # Graph's patternedRecurrence, of a master only.
    recurrence = models.JSONField(null=True)
    online_meeting_url = models.CharField(max_length=500, null=True)
    reminder_minutes = models.PositiveIntegerField(default=15)
    is_reminder_on = models.BooleanField(default=True)
    is_response_requested = models.BooleanField(default=True)
    allows_new_times = models.BooleanField(default=True)
    hides_attendees = models.BooleanField(default=False)
    # {id: value} of single-value extended properties.
    extended = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    # The event as Graph writes it to who asks for nothing special: JSON text, written with every change.
    document = models.TextField(default="")

    class Meta:
        indexes = [
            models.Index(fields=["calendar", "starts_at", "ends_at"], name="event_window"),
            models.Index(fields=["calendar", "change_number"], name="event_changes"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["master", "original_date"],
                condition=models.Q(master__isnull=False),
                name="one_exception_per_occurrence",
            ),
            models.UniqueConstraint(
                fields=["calendar", "transaction_id"],
                condition=models.Q(transaction_id__isnull=False),
                name="one_event_per_transaction",
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class SeriesVersion(models.Model):
    """What a series looked like before a change: delta must tell of occurrences that are no more."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="series_versions")
    # Of the master; occurrences have their ids from it.
    graph_id = models.CharField(max_length=200)
    immutable_id = models.CharField(max_length=200)
    recurrence = models.JSONField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=60)
    is_all_day = models.BooleanField()
    # The change that ended it.
    ended_by = models.PositiveBigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["calendar", "ended_by"], name="series_changes")]

    def __str__(self) -> str:
        return f"{self.graph_id[:12]}… until change {self.ended_by}"


class Tombstone(models.Model):
    """An event that is gone."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="tombstones")
    graph_id = models.CharField(max_length=200)
    immutable_id = models.CharField(max_length=200)
    change_number = models.PositiveBigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["calendar", "change_number"], name="tombstone_changes")]

    def __str__(self) -> str:
        return self.graph_id


class Contact(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="contacts")
    graph_id = models.CharField(max_length=200, unique=True)
    change_key = models.CharField(max_length=60)
    display_name = models.CharField(max_length=200)
    given_name = models.CharField(max_length=100, default="")
    surname = models.CharField(max_length=100, default="")
    company = models.CharField(max_length=200, null=True)
    job_title = models.CharField(max_length=100, null=True)
    # [{"name", "address"}]
    addresses = models.JSONField(default=list)
    phones = models.JSONField(default=list)
    mobile = models.CharField(max_length=40, null=True)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.display_name


class Subscription(models.Model):
    """Change notifications for one mailbox's events, to one application."""

    graph_id = models.UUIDField(unique=True)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="subscriptions")
    # Whose mailbox; and who asked, None when the application did for itself.
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="subscriptions")
    creator = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, null=True, related_name="+")
    # As it was sent, and echoed.
    resource = models.CharField(max_length=500)
    change_types = models.JSONField()
    notification_url = models.CharField(max_length=2000)
    lifecycle_url = models.CharField(max_length=2000, null=True)
    client_state = models.CharField(max_length=255, null=True)
    has_immutable_ids = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    # When reauthorizationRequired was sent last.
    reauthorization_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.resource} for {self.application_id}"
