"""Whose a mailbox is: nothing is guessed, and what was established stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.failures import Reason
from integrations.organization.matching import Entry, Finding, Match, Sought, match, match_by_address

DOMAINS = ("kestrel.example", "owl.example")
ALICE = Entry("o-alice", "alice@kestrel.example", "alice@kestrel.example", ("alice.smith@kestrel.example",))

names = st.sampled_from(["ann", "bob", "cai", "dee"])
addresses = st.builds("{}@{}".format, names, st.sampled_from([*DOMAINS, "elsewhere.example"]))


@st.composite
def directories(draw: st.DrawFn) -> list[Entry]:
    """Of any kind: names that are used twice, guests, the disabled, those without mail."""
    return [
        Entry(
            f"o{number}",
            draw(addresses),
            draw(st.one_of(addresses, st.just(""))),
            tuple(draw(st.lists(addresses, max_size=2))),
            is_guest=draw(st.booleans()),
            is_enabled=draw(st.sampled_from([True, True, True, False])),
        )
        for number in range(draw(st.integers(0, 5)))
    ]


@st.composite
def populations(draw: st.DrawFn) -> list[Sought]:
    called = draw(st.lists(addresses, unique=True, max_size=6))
    known = st.one_of(st.just(""), st.sampled_from(["o0", "o1", "o2", "gone"]))
    return [Sought(number, address, draw(known)) for number, address in enumerate(called, start=1)]


def found(people: Iterable[Sought], directory: Iterable[Entry], **more: object) -> dict[int, Match]:
    return match(people, directory, **{"domains": DOMAINS, **more})  # type: ignore[arg-type]


def only(address: str, *directory: Entry, object_id: str = "") -> Match:
    return found([Sought(1, address, object_id)], directory)[1]


def names_of(entry: Entry) -> set[str]:
    return {one.casefold() for one in (entry.upn, entry.mail, *entry.aliases) if one}


def shouted(text: str, random: Random) -> str:
    return "".join(random.choice([letter.upper(), letter.lower()]) for letter in text)


@pytest.mark.parametrize("address", ["alice@kestrel.example", "Alice@Kestrel.Example", "alice.smith@KESTREL.example"])
def test_by_name_mail_and_alias_in_any_case(address: str) -> None:
    assert only(address, ALICE) == Match(Finding.MATCHED, "o-alice", "alice@kestrel.example")


def test_the_mailbox_is_called_by_its_primary_address_and_not_by_the_name_to_sign_in_with() -> None:
    renamed = replace(ALICE, upn="a.smith@kestrel.example")

    assert only("a.smith@kestrel.example", renamed).address == "alice@kestrel.example"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (replace(ALICE, is_guest=True), Reason.GUEST),
        (replace(ALICE, is_enabled=False), Reason.ACCOUNT_DISABLED),
        (replace(ALICE, mail=""), Reason.NO_MAILBOX),
        (replace(ALICE, mail="", is_on_premises=True), Reason.ON_PREMISES),
    ],
)
def test_guests_the_disabled_and_the_unlicensed_have_no_mailbox_here(entry: Entry, reason: Reason) -> None:
    assert (only("alice@kestrel.example", entry).finding, only("alice@kestrel.example", entry).reason) == (
        Finding.NO_MAILBOX,
        reason,
    )


def test_nobody_of_that_name() -> None:
    assert only("bob@kestrel.example", ALICE) == Match(Finding.NO_MAILBOX, reason=Reason.NO_MAILBOX)


def test_a_guest_of_the_same_name_does_not_stand_in_the_way() -> None:
    guest = Entry("o-guest", "alice_kestrel.example#EXT#@owl.example", "alice@kestrel.example", is_guest=True)

    assert only("alice@kestrel.example", guest, ALICE).object_id == "o-alice"


def test_the_address_of_one_who_left_may_be_anothers_alias_now_and_is_not_guessed() -> None:
    left = Entry("o-left", "bob@kestrel.example", "bob@kestrel.example", is_enabled=False)
    heir = replace(ALICE, aliases=("bob@kestrel.example",))

    assert only("bob@kestrel.example", left, heir).finding is Finding.AMBIGUOUS


def test_two_people_of_ours_and_one_mailbox() -> None:
    both = [Sought(1, "alice@kestrel.example"), Sought(2, "alice.smith@kestrel.example")]

    assert {one.finding for one in found(both, [ALICE]).values()} == {Finding.AMBIGUOUS}


def test_of_two_people_the_one_whose_mailbox_it_was_keeps_it() -> None:
    both = [Sought(1, "alice@kestrel.example"), Sought(2, "alice.smith@kestrel.example", "o-alice")]

    told = found(both, [ALICE], taken={"o-alice": 2})

    assert (told[1].finding, told[2].finding) == (Finding.AMBIGUOUS, Finding.MATCHED)


def test_a_mailbox_that_another_account_has_is_nobodys_here() -> None:
    assert found([Sought(1, "alice@kestrel.example")], [ALICE], taken={"o-alice": 0})[1].finding is Finding.AMBIGUOUS


def test_an_identity_that_was_established_is_followed_to_its_new_name() -> None:
    married = replace(ALICE, upn="alice.jones@kestrel.example", mail="alice.jones@kestrel.example", aliases=())

    told = only("alice@kestrel.example", married, object_id="o-alice")

    assert told == Match(Finding.MATCHED, "o-alice", "alice.jones@kestrel.example")


def test_an_identity_that_is_gone_is_looked_for_by_the_address() -> None:
    assert only("alice@kestrel.example", ALICE, object_id="o-before").object_id == "o-alice"


@pytest.mark.parametrize("address", ["alice@elsewhere.example", "alice@sub.kestrel.example", "alice", ""])
def test_only_for_addresses_of_the_domains(address: str) -> None:
    everywhere = replace(ALICE, aliases=(address,))

    assert only(address, everywhere, object_id="o-alice").finding is Finding.OUTSIDE_DOMAIN
    assert match_by_address([Sought(1, address, "o-alice")], domains=DOMAINS)[1].finding is Finding.OUTSIDE_DOMAIN


def test_domains_are_compared_in_their_canonical_form() -> None:
    gull = Entry("o-gull", "moe@xn--mwe-sna.example", "moe@xn--mwe-sna.example")

    told = match([Sought(1, "Moe@Möwe.example")], [gull], domains=["xn--mwe-sna.example"])

    assert told[1].object_id == "o-gull"


@pytest.mark.parametrize(
    ("ours", "theirs"), [("straße", "strasse"), ("\u017fmith", "smith"), ("\u212aim", "kim"), ("ÄRA", "ära")]
)
def test_names_that_only_look_alike_are_others(ours: str, theirs: str) -> None:
    other = Entry("o-other", f"{theirs}@kestrel.example", f"{theirs}@kestrel.example")

    assert only(f"{ours}@kestrel.example", other).finding is Finding.NO_MAILBOX


def test_where_the_directory_is_shut_the_address_itself_is_asked() -> None:
    told = match_by_address(
        [Sought(1, "alice@kestrel.example"), Sought(2, "bob@owl.example", "o-bob")], domains=DOMAINS
    )

    assert told == {
        1: Match(Finding.MATCHED, "", "alice@kestrel.example"),
        2: Match(Finding.MATCHED, "o-bob", "bob@owl.example"),
    }


@given(directories(), populations())
def test_nobody_gets_a_mailbox_that_bears_another_name(directory: list[Entry], people: list[Sought]) -> None:
    by_id = {one.object_id: one for one in directory}

    for one in people:
        told = found(people, directory)[one.person]
        if told.finding is Finding.MATCHED:
            entry = by_id[told.object_id]
            assert entry.obstacle is None
            assert one.object_id == entry.object_id or one.address.casefold() in names_of(entry)
            assert one.address.endswith(DOMAINS)


@given(directories(), populations())
def test_one_mailbox_one_person(directory: list[Entry], people: list[Sought]) -> None:
    given_out = [one.object_id for one in found(people, directory).values() if one.finding is Finding.MATCHED]

    assert len(given_out) == len(set(given_out))


@given(directories(), populations(), st.randoms(use_true_random=False))
def test_no_order_changes_anything(directory: list[Entry], people: list[Sought], random: Random) -> None:
    told = found(people, directory)
    random.shuffle(directory)
    random.shuffle(people)

    assert found(people, directory) == told


@given(directories(), populations(), st.randoms(use_true_random=False))
def test_no_case_changes_anything(directory: list[Entry], people: list[Sought], random: Random) -> None:
    told = {person: (one.finding, one.object_id) for person, one in found(people, directory).items()}
    loud = [replace(one, address=shouted(one.address, random)) for one in people]
    shouting = [
        replace(one, upn=shouted(one.upn, random), aliases=tuple(shouted(alias, random) for alias in one.aliases))
        for one in directory
    ]

    again = found(loud, shouting)

    assert {person: (one.finding, one.object_id) for person, one in again.items()} == told


@given(directories(), populations(), directories())
def test_who_lives_elsewhere_in_the_directory_changes_nothing(
    directory: list[Entry], people: list[Sought], others: list[Entry]
) -> None:
    """Entries under names that nobody of ours bears."""
    ours = {one.address.casefold() for one in people}
    strangers = [replace(one, object_id=f"x{one.object_id}") for one in others if not names_of(one) & ours]

    assert found(people, [*directory, *strangers]) == found(people, directory)


@given(directories(), populations())
def test_what_is_taken_is_given_to_nobody_else(directory: list[Entry], people: list[Sought]) -> None:
    taken = {"o0": 99, "o1": 1}

    for person, told in found(people, directory, taken=taken).items():
        if told.finding is Finding.MATCHED and told.object_id in taken:
            assert taken[told.object_id] == person
