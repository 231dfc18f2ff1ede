"""Rotating TOKEN_KEYS, and noticing a wrong one."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import vault
from accounts.models import User
from accounts.sign_in.second_factor import PLACE
from integrations import resealing, token_keys
from integrations.models import Connection, TokenKey
from tests.at_once import at_once
from tests.cast import Cast, crowd
from tests.integrations.tied import connect

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW, OTHER = (secrets.token_bytes(32) for _ in range(3))


@pytest.fixture
def old_keys(settings: Any) -> None:
    settings.TOKEN_KEYS = {"old": OLD}


def rotate_to_new(settings: Any) -> None:
    settings.TOKEN_KEYS = {"new": NEW, "old": OLD}


def sealed_connections(people: list[User]) -> list[Connection]:
    made = connect(people)
    for one in made:
        for column in ("refresh_token", "access_token"):
            secret = vault.seal(f"{column} of {one.pk}", bound_to=vault.place_of(one, column))
            Connection.objects.filter(pk=one.pk).update(**{column: secret})
    return made


def opened(one: Connection, column: str) -> str:
    return vault.open_sealed(
        Connection.objects.values_list(column, flat=True).get(pk=one.pk), bound_to=vault.place_of(one, column)
    )


def uses() -> dict[str, int]:
    return {use.id: use.values for use in resealing.in_use()}


def test_everything_is_sealed_anew_and_still_opens(cast: Cast, old_keys: None, settings: Any) -> None:
    made = sealed_connections(crowd(cast.kestrel, 7))
    rotate_to_new(settings)

    *_, last = resealing.reseal(batch=3)

    assert last == resealing.Progress(resealed=14, unreadable=0)
    assert uses() == {"new": 14, "old": 0}
    settings.TOKEN_KEYS = {"new": NEW}
    for one in made:
        assert opened(one, "refresh_token") == f"refresh_token of {one.pk}"
        assert opened(one, "access_token") == f"access_token of {one.pk}"


def test_it_goes_on_where_it_was_interrupted(cast: Cast, old_keys: None, settings: Any) -> None:
    sealed_connections(crowd(cast.kestrel, 10))
    rotate_to_new(settings)
    next(iter(resealing.reseal(batch=4)))

    *_, last = resealing.reseal(batch=4)

    assert last.resealed == 16
    assert uses() == {"new": 20, "old": 0}


def test_what_is_stored_meanwhile_is_not_overwritten(cast: Cast, old_keys: None, settings: Any) -> None:
    one, two = sealed_connections([cast.alice, cast.bob])
    rotate_to_new(settings)
    batches = resealing._batches(Connection, "refresh_token", 10)
    read = next(batches)
    newer = vault.seal("newer", bound_to=vault.place_of(one, "refresh_token"))
    Connection.objects.filter(pk=one.pk).update(refresh_token=newer)

    progress = resealing._reseal(Connection, "refresh_token", read)

    assert progress == resealing.Progress(resealed=1, unreadable=0)
    assert opened(one, "refresh_token") == "newer"
    assert opened(two, "refresh_token") == f"refresh_token of {two.pk}"


def test_two_rotations_at_once_do_each_value_once(cast: Cast, old_keys: None, settings: Any) -> None:
    sealed_connections(crowd(cast.kestrel, 30))
    rotate_to_new(settings)
    done: list[int] = []

    def run() -> None:
        # One may have nothing left to do, and then it tells nothing.
        done.extend([progress.resealed for progress in resealing.reseal(batch=5)][-1:])

    troubles = at_once(run, run)

    assert not troubles
    assert uses() == {"new": 60, "old": 0}
    assert sum(done) == 60


def test_what_no_key_opens_stays_and_is_counted(cast: Cast, old_keys: None, settings: Any) -> None:
    (one,) = sealed_connections([cast.alice])
    token_keys.settle(now=timezone.now())
    Connection.objects.filter(pk=one.pk).update(access_token="v1.lost.AAAA")
    rotate_to_new(settings)

    with pytest.raises(CommandError, match=r"^1 values cannot be opened"):
        call_command("rotate_token_keys")

    assert Connection.objects.get(pk=one.pk).access_token == "v1.lost.AAAA"
    assert opened(one, "refresh_token") == f"refresh_token of {one.pk}"


def with_second_factor(person: User) -> tuple[Authenticator, Authenticator]:
    def sealed(secret: str) -> str:
        return vault.seal(secret, bound_to=PLACE)

    app = {"secret": sealed("the key"), "last_step": 7}
    codes = {"seed": sealed("the seed"), "used_mask": 5, "migrated_codes": [sealed("one"), sealed("two")]}
    return (
        Authenticator.objects.create(user=person, type="totp", data=app),
        Authenticator.objects.create(user=person, type="recovery_codes", data=codes),
    )


def test_second_factors_are_sealed_anew_too(cast: Cast, old_keys: None, settings: Any) -> None:
    app, codes = with_second_factor(cast.alice)
    rotate_to_new(settings)
    assert uses() == {"new": 0, "old": 4}

    *_, last = resealing.reseal(batch=1)

    assert last == resealing.Progress(resealed=4, unreadable=0)
    assert uses() == {"new": 4, "old": 0}
    settings.TOKEN_KEYS = {"new": NEW}
    for row in (app, codes):
        row.refresh_from_db()
    assert app.data["last_step"] == 7
    assert vault.open_sealed(app.data["secret"], bound_to=PLACE) == "the key"
    assert codes.data["used_mask"] == 5
    assert vault.open_sealed(codes.data["seed"], bound_to=PLACE) == "the seed"
    assert [vault.open_sealed(code, bound_to=PLACE) for code in codes.data["migrated_codes"]] == ["one", "two"]
    assert list(resealing.reseal()) == []


def test_a_second_factor_that_no_key_opens_stays_and_is_counted(cast: Cast, old_keys: None, settings: Any) -> None:
    app, _ = with_second_factor(cast.alice)
    Authenticator.objects.filter(pk=app.pk).update(data={"secret": "v1.lost.AAAA"})
    rotate_to_new(settings)

    *_, last = resealing.reseal()

    assert last == resealing.Progress(resealed=3, unreadable=1)
    assert uses() == {"": 1, "new": 3, "old": 0}
    assert Authenticator.objects.get(pk=app.pk).data == {"secret": "v1.lost.AAAA"}


@pytest.mark.parametrize("keys", [{"old": OTHER}, {"new": NEW}])
def test_second_factors_tell_which_key_is_wrong(
    keys: dict[str, bytes], cast: Cast, old_keys: None, settings: Any
) -> None:
    with_second_factor(cast.alice)
    assert resealing.wrong_keys() == []
    settings.TOKEN_KEYS = keys

    assert resealing.wrong_keys() == ["old"]


def test_the_command_tells_what_may_be_taken_out(
    cast: Cast, old_keys: None, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    token_keys.settle(now=timezone.now())
    sealed_connections([cast.alice])
    rotate_to_new(settings)
    token_keys.settle(now=timezone.now())

    call_command("rotate_token_keys")

    said = capsys.readouterr().out
    assert "2 values are sealed with “old”." in said
    assert "2 of about 2 sealed anew." in said
    assert "Nothing is sealed with “old” any more: it may be taken out of TOKEN_KEYS." in said
    assert list(TokenKey.objects.values_list("pk", flat=True)) == ["new"]
    assert "refresh_token of" not in said


def test_a_look_changes_nothing(cast: Cast, old_keys: None, settings: Any) -> None:
    sealed_connections([cast.alice])
    rotate_to_new(settings)

    call_command("rotate_token_keys", "--check")

    assert uses() == {"new": 0, "old": 2}


def test_a_key_that_is_in_use_cannot_be_left_out_unnoticed(cast: Cast, old_keys: None, settings: Any) -> None:
    token_keys.settle(now=timezone.now())
    settings.TOKEN_KEYS = {"new": NEW}

    with pytest.raises(token_keys.WrongKeys, match="Key “old” is missing from TOKEN_KEYS"):
        token_keys.settle(now=timezone.now())

    assert not TokenKey.objects.filter(pk="new").exists()


def test_another_key_under_a_known_id_is_noticed(cast: Cast, old_keys: None, settings: Any) -> None:
    token_keys.settle(now=timezone.now())
    settings.TOKEN_KEYS = {"old": OTHER}

    with pytest.raises(token_keys.WrongKeys, match="another key “old”"):
        token_keys.settle(now=timezone.now())


@pytest.mark.parametrize(
    ("keys", "trouble"),
    [
        ({"old": OTHER}, "another key “old”"),
        ({"new": NEW, "old": OTHER}, "another key “old”"),
        ({"new": NEW}, "Key “old” is missing"),
    ],
)
def test_at_the_first_start_what_is_stored_tells_which_key_is_wrong(
    keys: dict[str, bytes], trouble: str, cast: Cast, old_keys: None, settings: Any
) -> None:
    sealed_connections([cast.alice])
    settings.TOKEN_KEYS = keys

    with pytest.raises(token_keys.WrongKeys, match=trouble):
        token_keys.settle(now=timezone.now())
    with pytest.raises(CommandError, match=trouble):
        call_command("rotate_token_keys")

    assert not TokenKey.objects.exists()


def test_a_key_that_only_the_rotation_has_used_is_known(cast: Cast, old_keys: None, settings: Any) -> None:
    sealed_connections([cast.alice])
    rotate_to_new(settings)
    call_command("rotate_token_keys")
    settings.TOKEN_KEYS = {"new": OTHER}

    with pytest.raises(token_keys.WrongKeys, match="another key “new”"):
        token_keys.settle(now=timezone.now())


def test_one_damaged_value_keeps_nobody_from_starting(cast: Cast, old_keys: None) -> None:
    made = sealed_connections([cast.alice, cast.bob])
    Connection.objects.filter(pk=made[0].pk).update(refresh_token="v1.old.AAAA")

    token_keys.settle(now=timezone.now())

    assert TokenKey.objects.filter(pk="old").exists()


def test_a_process_with_a_wrong_key_does_not_start(cast: Cast, old_keys: None, settings: Any) -> None:
    token_keys.settle(now=timezone.now())
    config = settings.DATABASES["default"]
    environment = {**os.environ, "TOKEN_KEYS": f"old:{base64.b64encode(OTHER).decode()}", "DATABASE_URL": _url(config)}

    ended = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"], env=environment, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 3, ended.stderr
    assert "TOKEN_KEYS holds another key “old”" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert base64.b64encode(OTHER).decode() not in ended.stderr


def _url(config: dict[str, Any]) -> str:
    """The tests' own database, as another process names it."""
    from django.db import connection

    name = connection.settings_dict["NAME"]
    if config["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{name}"
    user = config["USER"] or "postgres"
    return f"postgres://{user}@/{name}?host={config['HOST']}" if config["HOST"] else json.dumps(config)
