"""Who may see settings, and who may change them: at all four addresses."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, SettingDecision, User
from tests.accounts.settings.quiet import Quiet
from tests.cast import Cast, ClientOf, joined

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet")]

PLACES = ["account", "group", "person", "own"]
VERBS = ["front", "page", "change"]


def address(place: str, verb: str, cast: Cast) -> str:
    keys: dict[str, list[int]] = {"group": [cast.sales.pk], "person": [cast.alice.pk]}
    name = {"front": f"{place}_settings", "page": f"{place}_settings_page", "change": f"{place}_setting"}[verb]
    rest = {"front": [], "page": ["quiet"], "change": ["quiet", "quiet.reminders"]}[verb]
    return reverse(name, args=[*keys.get(place, []), *rest])


def ask(client: Client, place: str, verb: str, cast: Cast) -> int:
    path = address(place, verb, cast)
    answer = client.post(path, {"value": "off"}) if verb == "change" else client.get(path)
    return answer.status_code


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("place", PLACES)
def test_a_visitor_is_taken_to_the_sign_in_page(place: str, verb: str, cast: Cast) -> None:
    path = address(place, verb, cast)
    answer = Client().post(path, {"value": "off"}) if verb == "change" else Client().get(path)

    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{reverse('account_login')}?next={path}"
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("place", ["group", "person"])
def test_a_stranger_learns_nothing(place: str, verb: str, cast: Cast, client_of: ClientOf) -> None:
    assert ask(client_of(cast.mallory), place, verb, cast) == 404
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize("place", ["account", "own"])
def test_a_stranger_is_at_his_own_place(place: str, cast: Cast, client_of: ClientOf) -> None:
    ask(client_of(cast.mallory), place, "change", cast)

    made = SettingDecision.objects.get()
    assert (made.account or made.user) == (cast.corvid if place == "account" else cast.mallory)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("place", ["account", "group", "person"])
def test_a_member_may_not(place: str, verb: str, cast: Cast, client_of: ClientOf) -> None:
    assert ask(client_of(cast.bob), place, verb, cast) == 403
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("place", ["account", "person"])
def test_a_group_admin_decides_for_the_group_and_for_nobody_else(
    place: str, verb: str, cast: Cast, client_of: ClientOf
) -> None:
    assert ask(client_of(cast.gus), place, verb, cast) == 403
    assert not SettingDecision.objects.exists()


def test_a_group_admin_may_not_decide_for_another_group(cast: Cast, client_of: ClientOf) -> None:
    cast.sales.memberships.filter(user=cast.gus).update(is_admin=False)

    assert ask(client_of(cast.gus), "group", "page", cast) == 403
    assert ask(client_of(cast.gus), "group", "change", cast) == 403


def test_a_group_admin_may(cast: Cast, client_of: ClientOf) -> None:
    assert ask(client_of(cast.gus), "group", "page", cast) == 200
    assert ask(client_of(cast.gus), "group", "change", cast) == 302
    assert SettingDecision.objects.get().group == cast.sales


@pytest.mark.parametrize("place", PLACES)
def test_an_admin_may_everywhere(place: str, cast: Cast, client_of: ClientOf) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)

    assert ask(client_of(ada), place, "page", cast) == 200
    assert ask(client_of(ada), place, "change", cast) == 302
    assert SettingDecision.objects.count() == 1


def test_an_admin_may_not_decide_for_an_owner(cast: Cast, client_of: ClientOf) -> None:
    ada = joined(cast.kestrel, name="Ada", email="ada@kestrel.example", role=Role.ADMIN)
    path = reverse("person_setting", args=[cast.dana.pk, "quiet", "quiet.reminders"])

    assert client_of(ada).get(reverse("person_settings_page", args=[cast.dana.pk, "quiet"])).status_code == 403
    assert client_of(ada).post(path, {"value": "off"}).status_code == 403
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize("who", ["alice", "bob", "gus", "dana"])
def test_everybody_decides_for_himself(
    who: str, cast: Cast, client_of: ClientOf, request: pytest.FixtureRequest
) -> None:
    person: User = request.getfixturevalue(who)

    assert ask(client_of(person), "own", "page", cast) == 200
    assert ask(client_of(person), "own", "change", cast) == 302
    assert SettingDecision.objects.get().user == person


@pytest.mark.parametrize("who", ["alice", "dana"])
def test_whoever_opens_himself_as_a_person_is_taken_to_his_own_settings(
    who: str, client_of: ClientOf, request: pytest.FixtureRequest
) -> None:
    person: User = request.getfixturevalue(who)
    client = client_of(person)

    front = client.get(reverse("person_settings", args=[person.pk]))
    page = client.get(reverse("person_settings_page", args=[person.pk, "quiet"]))

    assert front.headers["Location"] == reverse("own_settings")
    assert page.headers["Location"] == reverse("own_settings_page", args=["quiet"])


@pytest.mark.parametrize("place", PLACES)
def test_a_get_changes_nothing(place: str, cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).get(address(place, "change", cast), {"value": "off"})

    assert answer.status_code == 405
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize("place", PLACES)
def test_a_form_from_elsewhere_changes_nothing(place: str, cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.dana)

    assert client.post(address(place, "change", cast), {"value": "off"}).status_code == 403
    assert not SettingDecision.objects.exists()


# ── What does not exist ─────────────────────────────────────────────────────
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("path", ["nothing/", "nothing/quiet.reminders/", "mail-calendar/quiet.reminders/"])
def test_an_unknown_page_is_not_found(place: str, path: str, cast: Cast, client_of: ClientOf) -> None:
    front = address(place, "front", cast)
    client = client_of(cast.dana)

    answer = client.post(front + path, {"value": "off"}) if "." in path else client.get(front + path)

    assert answer.status_code == 404


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("key", ["quiet.nothing", "quiet", "reminders", "x" * 200, "quiet.ghosts", "%00"])
def test_an_unknown_setting_is_not_found(place: str, key: str, cast: Cast, client_of: ClientOf) -> None:
    path = f"{address(place, 'page', cast)}{key}/"

    assert client_of(cast.dana).post(path, {"value": "off"}).status_code == 404


@pytest.mark.parametrize(
    ("place", "key"),
    [("group", "quiet.bells"), ("person", "quiet.bells"), ("own", "quiet.bells")],
)
def test_what_is_not_decided_at_this_level_is_not_there(
    place: str, key: str, cast: Cast, client_of: ClientOf, quiet: type[Quiet]
) -> None:
    client = client_of(cast.dana)
    name = key.partition(".")[2]

    page = client.get(address(place, "page", cast)).content.decode()
    answer = client.post(f"{address(place, 'page', cast)}{key}/", {"value": "3"})

    assert f"setting-{name}" not in page
    assert answer.status_code == 404
    assert not SettingDecision.objects.exists()


@pytest.mark.parametrize("place", PLACES)
def test_a_senseless_act_is_not_found(place: str, cast: Cast, client_of: ClientOf) -> None:
    answer = client_of(cast.dana).post(address(place, "change", cast), {"act": "destroy", "value": "off"})

    assert answer.status_code == 404
    assert not SettingDecision.objects.exists()
