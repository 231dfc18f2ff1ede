"""Queries that are worked out once say the same as Django's own. Any models will do for that, so Django's serve."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from integrations.simulator.prepared import Prepared

pytestmark = pytest.mark.django_db


def _permissions() -> QuerySet[Permission]:
    """Django makes four for every model."""
    return Permission._default_manager.select_related("content_type")


BY_NAME = Prepared(lambda codename: _permissions().filter(codename=codename).order_by("pk"), str)
OF_MODEL = Prepared(
    lambda content_type, codename: (
        _permissions()
        .filter(content_type=content_type, name__startswith="Can ")
        .exclude(codename=codename)
        .order_by("codename")
    ),
    int,
    str,
)


def test_it_finds_what_the_query_finds_whatever_was_asked_before() -> None:
    names = ("add_permission", "delete_permission", "nothing", "add_permission")

    found = [BY_NAME.first(name) for name in names]

    assert found == [_permissions().filter(codename=name).first() for name in names]
    assert found[2] is None
    assert found[0] is not None


def test_objects_are_whole_and_relations_come_along() -> None:
    with CaptureQueriesContext(connection) as captured:
        found = BY_NAME.first("add_permission")
        assert found is not None
        model = found.content_type.model

    usual = _permissions().get(codename="add_permission")
    names = [field.attname for field in Permission._meta.concrete_fields]
    assert [getattr(found, name) for name in names] == [getattr(usual, name) for name in names]
    assert model == "permission"
    assert len(captured) == 1


def test_constants_order_and_several_parameters_stay_as_they_were_written() -> None:
    model = _permissions().get(codename="add_permission").content_type.pk

    found = [[one.codename for one in OF_MODEL.all(model, name)] for name in ("add_permission", "view_permission")]

    assert found == [
        ["change_permission", "delete_permission", "view_permission"],
        ["add_permission", "change_permission", "delete_permission"],
    ]
    assert OF_MODEL.all(-1, "add_permission") == []
