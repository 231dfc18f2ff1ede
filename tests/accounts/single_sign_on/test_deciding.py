"""Who somebody of the identity provider is here: every combination, against a table read from top to bottom."""

from __future__ import annotations

from itertools import product

import pytest

from accounts.single_sign_on.causes import WORDS, Cause
from accounts.single_sign_on.deciding import Facts, Person, Step, decide

PEOPLE = [None, *(Person(*flags) for flags in product((False, True), repeat=6))]
FLAGS = list(product((False, True), repeat=3))


def oracle(facts: Facts) -> Step | Cause:
    bound, named = facts.bound, facts.named or Person()
    owns, trusted = facts.is_domain_verified, not (named.is_privileged and named.has_password)
    table: list[tuple[bool, Step | Cause]] = [
        (bound is not None and bound.is_active, Step.ENTER),
        (bound is not None, Cause.DEACTIVATED),
        (facts.is_ambiguous, Cause.AMBIGUOUS),
        (facts.named is None and owns and facts.creates_people, Step.CREATE),
        (facts.named is None, Cause.NOBODY),
        (not named.is_of_account, Cause.ANOTHER_ACCOUNT),
        (named.is_bound, Cause.BOUND_TO_ANOTHER),
        (not named.has_joined and owns and not named.is_privileged, Step.JOIN),
        (not named.has_joined, Cause.NOT_JOINED),
        (not named.is_active, Cause.DEACTIVATED),
        (owns and trusted, Step.BIND),
        (named.has_password, Step.ASK_PASSWORD),
        (True, Cause.NOT_PROVED),
    ]
    return next(answer for holds, answer in table if holds)


@pytest.mark.parametrize("bound", [None, Person(is_active=True), Person(is_active=False)])
def test_every_combination(bound: Person | None) -> None:
    for named, flags in product(PEOPLE, FLAGS):
        facts = Facts(bound, named, *flags)
        assert decide(facts) == oracle(facts), facts


def test_an_address_alone_lets_nobody_in() -> None:
    """Whatever else holds: without a verified domain nobody unbound comes in without a password."""
    for named, (is_ambiguous, creates) in product(PEOPLE, product((False, True), repeat=2)):
        found = decide(Facts(None, named, is_ambiguous, is_domain_verified=False, creates_people=creates))
        assert found is Step.ASK_PASSWORD or isinstance(found, Cause)


@pytest.mark.parametrize("cause", list(Cause))
def test_each_cause_has_words(cause: Cause) -> None:
    words = WORDS[cause]

    assert words.title
    assert words.text.endswith(".")
