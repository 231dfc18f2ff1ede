"""The pages by which a list of people goes into a group: form, review, confirmation."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import jobs
from accounts.cascade import declare
from accounts.cascade.write import choose
from accounts.member_lists import MOST_BYTES
from accounts.models import Group, Job, JobRow, Membership, User
from tests.cast import Cast, ClientOf, crowd

pytestmark = pytest.mark.django_db


def address(group: Group) -> str:
    return reverse("group_import", args=[group.pk])


def file(data: bytes, name: str = "people.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="text/csv")


def brought(browser: Client, group: Group, text: str) -> Any:
    """The review, after a list was brought."""
    return browser.post(address(group), {"pasted": text}, follow=True)


def test_nobody_is_asked_to_sign_in(sales: Group) -> None:
    answer = Client().get(address(sales))

    assert answer.headers["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize(("reader", "status"), [("mallory", 404), ("bob", 403), ("alice", 403)])
def test_who_may_not_manage_the_group_may_not_bring_a_list(
    cast: Cast, client_of: ClientOf, reader: str, status: int
) -> None:
    answer = client_of(getattr(cast, reader)).post(address(cast.sales), {"pasted": "bob@kestrel.example"})

    assert answer.status_code == status
    assert not Job.objects.exists()


@pytest.mark.parametrize("reader", ["gus", "dana"])
def test_the_form_explains_itself_and_gives_a_file_to_fill_in(cast: Cast, client_of: ClientOf, reader: str) -> None:
    browser = client_of(getattr(cast, reader))

    page = browser.get(address(cast.sales)).content.decode()
    template = b"".join(browser.get(reverse("group_import_template", args=[cast.sales.pk])))

    assert reverse("group_import_template", args=[cast.sales.pk]) in page
    assert "somebody.else@example.com" in page
    lines = list(csv.reader(io.StringIO(template.decode("utf-8-sig"))))
    assert lines[0] == ["email", "action"]
    assert lines[2] == ["somebody.else@example.com", "remove"]
    assert browser.post(address(cast.sales), {"file": file(template)}).status_code == 302


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The file is empty."),
        (b"alice@kestrel.example", "The first line must name the columns"),
        (b"email\n", "There is no address in it."),
        ("email\nzoë@kestrel.example".encode("latin-1"), "Line 2 is not written in UTF-8."),
        (b"email\n\0", "holds a character that is no text"),
        (b"PK\x03\x04", "a workbook or another document"),
        (b"email\n" + b"a" * MOST_BYTES, "The list is larger than 5 MB."),
        (b"email\n" + b"a@b.example\n" * 100_001, "There are more than 100,000 lines."),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_nothing_is_kept(
    cast: Cast, client_of: ClientOf, data: bytes, says: str
) -> None:
    answer = client_of(cast.dana).post(address(cast.sales), {"file": file(data)})

    assert says in answer.content.decode()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({}, "Choose a file, or paste at least one address below."),
        ({"pasted": "  \n "}, "Choose a file, or paste at least one address below."),
        ({"pasted": "email,action\n"}, "There is no address in it."),
        ({"pasted": "a\0b@kestrel.example"}, "Null characters are not allowed."),
    ],
)
def test_without_an_address_nothing_is_kept(cast: Cast, client_of: ClientOf, sent: dict[str, str], says: str) -> None:
    answer = client_of(cast.dana).post(address(cast.sales), sent)

    assert says in answer.content.decode()
    assert not Job.objects.exists()


def test_what_was_pasted_is_kept_when_something_is_wrong(cast: Cast, client_of: ClientOf) -> None:
    sent = {"pasted": "bob@kestrel.example", "file": file(b"email\nalice@kestrel.example")}

    answer = client_of(cast.dana).post(address(cast.sales), sent)

    page = answer.content.decode()
    assert "Choose a file or paste addresses, not both." in page
    assert "bob@kestrel.example</textarea>" in page
    assert not Job.objects.exists()


def test_more_than_the_default_limit_of_a_form_may_be_pasted(cast: Cast, client_of: ClientOf) -> None:
    text = "".join(f"{'m' * 230}{n}@kestrel.example\n" for n in range(11_000))

    answer = client_of(cast.dana).post(address(cast.sales), {"pasted": text})

    assert answer.status_code == 302
    assert Job.objects.get().total == 11_000


def test_nothing_happens_before_it_is_confirmed(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.gus)
    text = f"email,action\n{cast.bob.email},add\n{cast.alice.email},remove\nnobody@kestrel.example,add\n"

    review = browser.post(address(cast.sales), {"file": file(text.encode())}, follow=True)

    page = review.content.decode()
    assert "Add 1 person and remove 1 person" in page
    assert "Nobody in this account has this address." in page
    assert Membership.objects.filter(group=cast.sales).count() == 2
    job = Job.objects.get()
    where = reverse("group_import_review", args=[cast.sales.pk, job.pk])
    assert review.redirect_chain == [(where, 302)]
    assert browser.get(reverse("job", args=[job.pk])).status_code == 404


def confirmed(browser: Client, review: Any, **more: Any) -> Any:
    form = review.context["form"]
    return browser.post(review.redirect_chain[-1][0], {**form.initial, **more})


def test_confirmed_the_work_begins_and_the_way_leads_to_its_page(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.gus)
    review = brought(browser, cast.sales, cast.bob.email)

    answer = confirmed(browser, review, reason="Spring")

    job = Job.objects.get()
    assert answer.headers["Location"] == reverse("job", args=[job.pk])
    assert (job.state, job.by, job.group, job.arguments) == ("running", cast.gus, cast.sales, {"reason": "Spring"})
    for name in ("group_import_review", "group_import_people"):
        again = browser.get(reverse(name, args=[cast.sales.pk, job.pk]))
        assert again.headers["Location"] == reverse("job", args=[job.pk])


def test_a_list_that_changes_nothing_cannot_be_confirmed(cast: Cast, client_of: ClientOf) -> None:
    page = brought(client_of(cast.gus), cast.sales, cast.alice.email).content.decode()

    assert "There is nothing to do" in page
    assert 'name="reason"' not in page


def test_too_late_it_is_refused_and_what_was_typed_is_kept(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.gus)
    review = brought(browser, cast.sales, cast.bob.email)
    Job.objects.update(created_at=timezone.now() - timedelta(hours=2))

    page = confirmed(browser, review, reason="Spring").content.decode()

    assert "please begin again" in page
    assert ">\nSpring</textarea>" in page
    assert Job.objects.get().state == "prepared"


def _off_for(group: Group, by: User) -> None:
    enabled = declare.by_key("integrations.enabled")
    assert enabled is not None
    choose(enabled, False, at=group, actor=by, now=timezone.now())


def test_when_more_people_are_affected_than_were_shown_it_is_shown_again(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.gus)
    review = brought(browser, cast.sales, cast.bob.email)
    _off_for(cast.sales, cast.dana)

    again = confirmed(browser, review, reason="Spring")

    page = again.content.decode()
    assert "More people are affected than when this was counted." in page
    assert ">\nSpring</textarea>" in page
    assert Job.objects.get().state == "prepared"
    assert again.context["form"].initial["changed"] == 1
    again.redirect_chain = review.redirect_chain
    assert confirmed(browser, again).status_code == 302
    assert Job.objects.get().state == "running"


@pytest.mark.parametrize("sent", [{}, {"changed": "many", "ends": "0"}, {"changed": "-1", "ends": "0"}])
def test_a_forged_confirmation_is_refused(cast: Cast, client_of: ClientOf, sent: dict[str, str]) -> None:
    browser = client_of(cast.gus)
    review = brought(browser, cast.sales, cast.bob.email)

    answer = browser.post(review.redirect_chain[-1][0], sent)

    assert answer.status_code == 200
    assert Job.objects.get().state == "prepared"


def test_what_somebody_else_prepared_or_for_another_group_is_not_there(cast: Cast, client_of: ClientOf) -> None:
    job = Job.objects.get(pk=brought(client_of(cast.gus), cast.sales, cast.bob.email).context["job"].pk)
    ops = Group.objects.create(account=cast.kestrel, name="Ops", rank=9, created_at=timezone.now())
    jobs.declare("group-others", work=lambda job, rows, *, now: [], shown={})
    dana = client_of(cast.dana)

    other = jobs.start(
        cast.kestrel,
        kind="group-others",
        title="",
        rows=[],
        by=cast.dana,
        back="/",
        now=job.created_at,
        group=cast.sales,
    )

    for group, pk in ((cast.sales, job.pk), (ops, job.pk), (cast.sales, uuid.uuid4()), (cast.sales, other.pk)):
        assert dana.post(reverse("group_import_review", args=[group.pk, pk])).status_code == 404
        assert dana.get(reverse("group_import_people", args=[group.pk, pk])).status_code == 404
    assert Job.objects.get(pk=job.pk).state == "prepared"


def test_everybody_affected_is_shown_by_pages_and_as_a_download(cast: Cast, client_of: ClientOf) -> None:
    people = crowd(cast.kestrel, 60)
    User.objects.filter(pk=people[0].pk).update(name="=1+1")
    _off_for(cast.sales, cast.dana)
    browser = client_of(cast.dana)

    review = brought(browser, cast.sales, " ".join(person.email for person in people))
    second = browser.get(review.redirect_chain[-1][0], {"page": 2})
    download = browser.get(reverse("group_import_people", args=[cast.sales.pk, Job.objects.get().pk]))

    assert "1–50 of 60 people" in review.content.decode()
    assert "51–60 of 60 people" in second.content.decode()
    lines = list(csv.reader(io.StringIO(b"".join(download).decode("utf-8-sig"))))
    assert len(lines) == 61
    assert lines[1][:2] == ["'=1+1", people[0].email]
    assert "On → Off" in lines[1][2]


def test_a_review_costs_the_same_for_few_and_for_many(cast: Cast, client_of: ClientOf) -> None:
    people = crowd(cast.kestrel, 120)
    _off_for(cast.sales, cast.dana)
    browser = client_of(cast.dana)

    costs = []
    for some in (people[:1], people):
        where = brought(browser, cast.sales, " ".join(person.email for person in some)).redirect_chain[-1][0]
        with CaptureQueriesContext(connection) as captured:
            browser.get(where)
        costs.append(len(captured))

    assert costs[0] == costs[1]


def test_the_page_of_the_work_tells_how_far_it_is(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.gus)
    confirmed(browser, brought(browser, cast.sales, f"{cast.bob.email} nobody@kestrel.example"))
    where = reverse("job", args=[Job.objects.get().pk])

    before = browser.get(where).content.decode()
    waiting = browser.get(where, headers={"HX-Request": "true"})
    jobs.work_on(Job.objects.get().pk, now=timezone.now())
    after = browser.get(where).content.decode()
    ended = browser.get(where, headers={"HX-Request": "true"})

    assert "0 of 2 lines" in before
    assert 'hx-trigger="every 2s"' in before
    assert "<html" not in waiting.content.decode() and "0 of 2 lines" in waiting.content.decode()
    assert waiting.headers["Vary"].count("HX-Request") == 1
    assert "2 of 2 lines" in after
    assert "hx-get" not in after and "Stop" not in after
    assert "Nobody in this account has this address." in after
    assert ended.headers["HX-Refresh"] == "true"


def test_the_report_has_every_line(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.gus)
    text = f"email,action\n{cast.bob.email},add\n=1+1,add\n"
    review = browser.post(address(cast.sales), {"file": file(text.encode())}, follow=True)
    confirmed(browser, review)
    jobs.work_on(Job.objects.get().pk, now=timezone.now())

    answer = browser.get(reverse("job_results", args=[Job.objects.get().pk]))

    assert list(csv.reader(io.StringIO(b"".join(answer).decode("utf-8-sig")))) == [
        ["Line", "E-mail", "Action", "Outcome", "What happened"],
        ["2", "bob@kestrel.example", "add", "Done", "Added to the group."],
        ["3", "'=1+1", "add", "Not done", "This is not an e-mail address."],
    ]


def test_a_page_on_which_no_worker_has_answered_says_so(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.gus)
    confirmed(browser, brought(browser, cast.sales, cast.bob.email))
    where = reverse("job", args=[Job.objects.get().pk])

    fresh = browser.get(where).content.decode()
    Job.objects.update(moved_at=timezone.now() - timedelta(seconds=31))
    silent = browser.get(where).content.decode()

    assert "No worker has answered" not in fresh
    assert "No worker has answered for 30 seconds." in silent


def test_who_began_it_can_stop_it_once(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.gus)
    confirmed(browser, brought(browser, cast.sales, cast.bob.email))
    stop = reverse("job_cancel", args=[Job.objects.get().pk])

    first = browser.post(stop, follow=True).content.decode()
    second = browser.post(stop, follow=True).content.decode()

    assert "It is stopped. What was done before stays done." in first
    assert "0 of 1 line" in first
    assert "This had ended before it could be stopped." in second
    jobs.work_on(Job.objects.get().pk, now=timezone.now())
    assert not Membership.objects.filter(user=cast.bob).exists()


@pytest.mark.parametrize("name", ["job", "job_results", "job_cancel"])
def test_a_job_is_seen_by_who_began_it_by_admins_and_by_the_groups_admins_alone(
    cast: Cast, client_of: ClientOf, name: str
) -> None:
    dana = client_of(cast.dana)
    confirmed(dana, brought(dana, cast.sales, cast.bob.email))
    Membership.objects.filter(user=cast.alice).update(is_admin=True)
    where = reverse(name, args=[Job.objects.get().pk])

    def status(person: User) -> int:
        browser = client_of(person)
        return (browser.post(where) if name == "job_cancel" else browser.get(where)).status_code

    assert status(cast.mallory) == 404
    assert status(cast.bob) == 403
    assert status(cast.alice) in (200, 302)
    Membership.objects.filter(user=cast.gus).update(is_admin=False)
    assert status(cast.gus) == 403
    Job.objects.update(by=cast.gus)
    assert status(cast.gus) in (200, 302)
    Job.objects.update(by=cast.dana, group=None)
    assert status(cast.alice) == 403


def test_the_page_of_a_job_costs_the_same_for_few_lines_and_for_many(cast: Cast, client_of: ClientOf) -> None:
    browser = client_of(cast.dana)
    costs = []
    for number in (1, 500):
        confirmed(
            browser,
            brought(
                browser, cast.sales, " ".join(f"n{n}@nowhere.example" for n in range(number)) + f" {cast.bob.email}"
            ),
        )
        job = Job.objects.latest("created_at")
        jobs.work_on(job.pk, now=timezone.now())
        Membership.objects.filter(user=cast.bob).delete()
        with CaptureQueriesContext(connection) as captured:
            browser.get(reverse("job", args=[job.pk]))
        costs.append(len(captured))

    assert costs[0] == costs[1]
    assert JobRow.objects.count() == 503
