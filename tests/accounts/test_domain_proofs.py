from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import domain_proofs
from accounts.domain_checks import LARGEST_HEAD
from accounts.domain_proofs import NAME, ours_in, record, tag, tags_in, text_of

TOKEN = "made-up_0123456789"
TAG = tag(TOKEN)


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        ([record(TOKEN)], [record(TOKEN)]),
        (["v=spf1 -all", f"  {record(TOKEN)} "], [record(TOKEN)]),
        ([f'"{record(TOKEN)}"'], [record(TOKEN)]),  # as some consoles store what was pasted with its quotes
        ([record("another"), record(TOKEN)], [record("another"), record(TOKEN)]),
        ([f"x{record(TOKEN)}", "", "MS=ms1234"], []),
    ],
)
def test_a_record_is_found_among_others(published: list[str], ours: list[str]) -> None:
    assert ours_in(published) == ours


@pytest.mark.parametrize(
    "text",
    [
        record(TOKEN),
        f"{record(TOKEN)}\r\n",
        f"\ufeff{record(TOKEN)}\n\n",
        f"<!doctype html>\n<html><body>\n  <p>{record(TOKEN)}</p></body></html>",
    ],
)
def test_a_file_may_be_plain_or_a_page(text: str) -> None:
    assert text_of(text) == record(TOKEN)


@pytest.mark.parametrize("text", ["", record("another"), f"You asked for {record(TOKEN)}", f"{record(TOKEN)} {NAME}"])
def test_a_file_that_says_anything_else_is_no_proof(text: str) -> None:
    assert text_of(text) != record(TOKEN)


@pytest.mark.parametrize(
    "text",
    [
        f"<!doctype html><head><meta charset=utf-8><title>Kestrel</title>{TAG}</head><body></body></html>",
        f"<HTML><HEAD>{TAG.upper().replace(TOKEN.upper(), TOKEN)}</HEAD></HTML>",
        f"<meta charset=utf-8>{TAG}<p>hello",
        f"<head><script>if (1 < 2) document.write('</p>')</script><style>a > b {{}}</style>{TAG}</head>",
        f"<head><noscript><img></noscript><link rel=icon href=x>{TAG}",
        f"<!-- a comment --><head>{TAG}",
        f'<head><meta name="{NAME}" content="another">{TAG}</head>',
        f"<head><meta content={TOKEN} name={NAME}></head>",
    ],
)
def test_a_tag_counts_in_the_head(text: str) -> None:
    assert TOKEN in tags_in(text)


@pytest.mark.parametrize(
    "text",
    [
        f"<html><head></head><body>{TAG}</body></html>",
        f"<p>A guest writes: {TAG}",
        f"<head><div>{TAG}</div></head>",
        f"<head></head>{TAG}",
        f"hello {TAG}",
        f"<!-- {TAG} --><head></head>",
        f"<head><title>{TAG}</title></head>",
        f"<head><noscript>{TAG}</noscript></head>",
        f"<head><template>{TAG}</template></head>",
        f"<head><script>'{TAG}'</script></head>",
        f"<head>{TAG.replace('<', '&lt;')}</head>",
        f'<head><meta name="{NAME}"></head>',
        f'<head><meta property="{NAME}" content="{TOKEN}"></head>',
        "",
    ],
)
def test_what_strangers_may_write_does_not_count(text: str) -> None:
    assert TOKEN not in tags_in(text)


@given(st.text(alphabet=st.sampled_from("<>/![]-=\"' &;#abdehmnt"), max_size=80))
def test_no_page_makes_it_fail(text: str) -> None:
    assert tags_in(text) == []
    text_of(text)


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!--", "<![", "</", "<a b='", "&", "<script>", '<a "', "<!a", "<?", "<a b=c "]
)
def test_no_page_holds_a_worker_for_long(piece: str) -> None:
    text, begun = piece * (LARGEST_HEAD // len(piece)), time.monotonic()

    tags_in(text)

    assert time.monotonic() - begun < 2


def test_the_name_stands_in_what_is_published() -> None:
    assert f"{NAME}.html" == domain_proofs.FILE_NAME
    assert f'<meta name="{NAME}" content="{TOKEN}">' == TAG
