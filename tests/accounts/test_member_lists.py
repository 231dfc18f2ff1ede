"""Lists of addresses, as people's programs really write them."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.member_lists import MOST_LINES, Action, Unreadable, Wish, read_file, read_pasted

ALICE, BOB = "alice@kestrel.example", "bob@kestrel.example"


def short(wishes: list[Wish]) -> list[tuple[int, str, str]]:
    return [(wish.number, wish.email, wish.action.value) for wish in wishes]


@pytest.mark.parametrize(
    "text",
    [
        f"email,action\n{ALICE},add\n{BOB},remove\n",
        f"email,action\r\n{ALICE},add\r\n{BOB},remove\r\n",
        f"email,action\r{ALICE},add\r{BOB},remove",
        f"email;action\n{ALICE};add\n{BOB};remove",
        f"email\taction\n{ALICE}\tadd\n{BOB}\tremove",
        f'"email","action"\n"{ALICE}","add"\n"{BOB}","remove"',
        f"action,email\nadd,{ALICE}\nremove,{BOB}",
        f"Name;E-Mail;Action\nAlice;{ALICE};\nBob, jr.;{BOB};REMOVE",
        f"email,action\n {ALICE.upper()} , Add \n{BOB},remove,one more\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_programs_write_is_understood(text: str, encoding: str) -> None:
    assert short(read_file(text.encode(encoding))) == [(2, ALICE, "add"), (3, BOB, "remove")]


def test_without_an_action_people_are_added() -> None:
    assert short(read_file(f"email\n{ALICE}".encode())) == [(2, ALICE, "add")]


def test_lines_are_counted_as_an_editor_counts() -> None:
    text = f'\n\nemail,note\n\n{ALICE},"two\nlines"\n , \n{BOB},'

    assert short(read_file(text.encode())) == [(5, ALICE, "add"), (8, BOB, "add")]


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (",add", "There is no address on this line."),
        ("alice,add", "This is not an e-mail address."),
        ("@kestrel.example,add", "This is not an e-mail address."),
        ("alice smith@kestrel.example,add", "This is not an e-mail address."),
        (f"{'a' * 250}@b.example,add", "This is not an e-mail address."),
        (f"{ALICE},addd", "The action “addd” is neither “add” nor “remove”."),
        (f"{BOB},remove", "Line 2 says something else for this address."),
    ],
)
def test_a_line_that_makes_no_sense_is_reported_and_the_others_count(line: str, trouble: str) -> None:
    first, second = read_file(f"email,action\n{BOB},add\n{line}\n".encode())

    assert (first.email, first.trouble) == (BOB, "")
    assert (second.number, second.trouble) == (3, trouble)


def test_a_line_that_repeats_another_is_told_so() -> None:
    first, second = read_file(f"email\n{ALICE}\n{ALICE.upper()}".encode())

    assert (first.same_as, second.same_as, second.trouble) == (None, 2, "")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The file is empty."),
        (b" \r\n\r\n", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"email\r\n", "There is no address in it."),
        (b"email\n,\n\n", "There is no address in it."),
        (f"{ALICE}\n{BOB}\n".encode(), f"one of them must be “email”. It says “{ALICE}”."),
        (b"email,email\na@b.example,", "Two columns are called “email”."),
        (b"email,action,Action\n", "Two columns are called “action”."),
        ("email\nzoë@kestrel.example\n".encode("latin-1"), "Line 2 is not written in UTF-8."),
        ("email\na@b.example".encode("utf-16-le"), "Line 1 holds a character that is no text (NUL)."),
        ("email\na@b.example".encode("utf-32"), "is no text (NUL)"),
        ("email\n".encode("utf-16") + b"a", "is not written in UTF-8"),
        (b"email\na@b.example\nb\0@b.example", "Line 3 holds a character that is no text (NUL)."),
        (b"PK\x03\x04\x14\x00\x06\x00", "This is no text file but a workbook"),
        (b'email\na@b.example\n"b@b.example\nc@b.example', "Line 3 cannot be read: a quotation mark is not closed"),
        (b'email\n"a"b@b.example"\n', "Line 2 cannot be read"),
        (b"email\n" + b"a" * 200_000, "Line 2 cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_one_clear_sentence(data: bytes, says: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_file(data)

    assert says in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        f"{ALICE}\n{BOB}",
        f"{ALICE}, {BOB}",
        f"{ALICE};{BOB};",
        f"{ALICE} {BOB}",
        f"\n\n{ALICE}\r\n\r\n{BOB}\r\n",
        f"Alice <{ALICE}>, Bob of Kestrel <{BOB}>",
        f"\ufeff{ALICE}\t{BOB}",
        f"email\n{ALICE}\n{BOB}",
    ],
)
def test_pasted_addresses_may_be_written_in_many_ways(text: str) -> None:
    assert [wish.email for wish in read_pasted(text)] == [ALICE, BOB]


def test_a_pasted_table_may_remove_people() -> None:
    assert short(read_pasted(f"email\taction\n{ALICE}\tremove")) == [(2, ALICE, "remove")]


def test_what_is_pasted_and_no_address_is_reported() -> None:
    wishes = read_pasted(f"{ALICE}, alice")

    assert [(wish.number, wish.email, wish.trouble) for wish in wishes] == [
        (1, ALICE, ""),
        (2, "alice", "This is not an e-mail address."),
    ]


@pytest.mark.parametrize("text", ["", " \n ", ",,;", "a\0b@c.example", "email\n"])
def test_pasted_text_without_an_address_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_pasted(text)


def test_a_hundred_thousand_lines_are_read_quickly_and_one_more_is_refused() -> None:
    written = io.StringIO()
    written.write("email,action\n")
    written.writelines(f"member{n}@kestrel.example,add\n" for n in range(MOST_LINES))
    full = written.getvalue().encode()
    began = time.perf_counter()

    wishes = read_file(full)

    assert len(wishes) == MOST_LINES
    assert time.perf_counter() - began < 5
    with pytest.raises(Unreadable, match="There are more than 100,000 lines"):
        read_file(full + b"one@more.example,add\n")


def test_a_full_file_needs_little_memory() -> None:
    full = b"email\n" + b"".join(b"member%d@kestrel.example\n" % n for n in range(20_000))
    tracemalloc.start()

    read_file(full)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * len(full)


def _one_or_the_other(wishes: list[Wish]) -> None:
    assert wishes
    numbers = [wish.number for wish in wishes]
    assert numbers == sorted(set(numbers))
    understood = [wish.email for wish in wishes if not wish.trouble and wish.same_as is None]
    assert len(understood) == len(set(understood))
    assert all(wish.action in Action for wish in wishes)


@given(data=st.binary(max_size=300))
def test_whatever_is_uploaded_gives_lines_or_a_sentence(data: bytes) -> None:
    try:
        wishes = read_file(data)
    except Unreadable as refusal:
        assert str(refusal).endswith(".")
    else:
        _one_or_the_other(wishes)


PIECES = st.sampled_from(
    [
        "email",
        "action",
        ALICE,
        BOB,
        "add",
        "remove",
        ",",
        ";",
        "\t",
        "\n",
        "\r\n",
        "\r",
        '"',
        " ",
        "<",
        ">",
        "é",
        "\0",
        "\u2028",
    ]
)


@given(pieces=st.lists(PIECES, max_size=40), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_whatever_is_put_together_gives_lines_or_a_sentence(pieces: list[str], encoding: str) -> None:
    text = "email" + "".join(pieces)
    readers: list[Callable[[], list[Wish]]] = [lambda: read_file(text.encode(encoding)), lambda: read_pasted(text)]
    for read in readers:
        try:
            wishes = read()
        except Unreadable as refusal:
            assert str(refusal).endswith(".")
        else:
            _one_or_the_other(wishes)


@given(people=st.lists(st.emails(), min_size=1, unique_by=str.lower), delimiter=st.sampled_from(",;\t"))
def test_every_address_that_is_written_is_read(people: list[str], delimiter: str) -> None:
    lines = [f'"{address}"{delimiter}add' for address in people]
    text = "\n".join([f"email{delimiter}action", *lines])

    wishes = read_file(text.encode())

    assert [wish.email for wish in wishes] == [address.lower() for address in people]
