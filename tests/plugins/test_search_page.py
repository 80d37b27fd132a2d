# SPDX-License-Identifier: Apache-2.0
"""The search: by id and reference, with history, masked, and never broken by what it is asked or shown."""

from __future__ import annotations

import re
from datetime import timedelta

import pyarrow as pa
import pytest
from archive_world import PROJECT, World, record

from airflow_provider_sengo.archive import report
from airflow_provider_sengo.archive.schema import HISTORY

EVIL = "<img src=x onerror=alert(1)>\"'&{{7*7}}"
ACCOUNT = {"bankCode": "BCA", "vaNumber": "8808123456784321", "viewName": "Siti Nurhaliza"}


@pytest.fixture
def one(world: World) -> World:
    """One paid transaction with a name and a number."""
    world.gateway.put("tx-1", raw=record("tx-1", virtualAccount=ACCOUNT))
    world.read()
    return world


@pytest.mark.parametrize("question", ["tx-1", "INV-tx-1", "  tx-1 "])
def test_a_transaction_is_found_by_id_and_by_reference(ask, one, question):
    """Whole, and in all projects."""
    text = ask("search", q=question)
    assert '<h2 id="t1" class="id">tx-1</h2>' in text
    assert "INV-tx-1" in text
    assert "It never changed." in text


@pytest.mark.parametrize("question", ["tx", "TX-1", "tx-1%", "inv-tx-1", "nothing"])
def test_only_the_whole_id_counts(ask, one, question):
    """What is not there is said, with the question."""
    assert "has no transaction with the id or reference" in ask("search", q=question)


@pytest.mark.parametrize(
    "question",
    [
        *("'", "''", "\\'", "x' OR '1'='1", "'; DROP TABLE t; --", "%", "_", "\x00", "\n", "\x1f", "💸", "é"),
        *(
            EVIL,
            "{{7*7}}",
            "{% raw %}",
            "../../etc/passwd",
            "a" * 200,
            "a" * 5000,
            "\ud7ff",
            "\u202e",
            "$1",
            "?",
        ),
    ],
)
def test_odd_questions_never_break_the_page(ask, one, question):
    """They find nothing, and are shown escaped."""
    text = ask("search", q=question)
    assert "tx-1" not in text
    assert "<img src=x" not in text
    assert "49" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)


def test_bytes_that_are_no_text_are_no_error(client, one):
    """A question that is not UTF-8."""
    assert client.get("/sengo/search?q=%ff%fe%80").status_code == 200


def test_ids_with_odd_characters_are_found(ask, world: World):
    """Whatever the gateway calls a transaction, it can be looked up."""
    for number, id in enumerate(("o'hara", EVIL, "a b", "%27", "-- x", "\\", "${x}", "=1+1")):
        world.gateway.put(id, raw=record(id, merchantRef=f"R{number}"))
    world.read()
    for number, id in enumerate(("o'hara", EVIL, "a b", "%27", "-- x", "\\", "${x}", "=1+1")):
        for question in (id, f"R{number}"):
            text = ask("search", q=question)
            assert "1 transaction found" in text
            assert "<img src=x" not in text


def test_personal_data_is_masked_unless_asked_for(ask, one):
    """The last four of a number, the first letter of a name, and nothing of the bytes."""
    text = ask("search", q="tx-1")
    assert "***4321" in text
    assert "S***" in text
    assert "8808123456784321" not in text
    assert "Nurhaliza" not in text
    assert "show=personal" in text
    shown = ask("search", q="tx-1", show="personal")
    assert "8808123456784321" in shown
    assert "Siti Nurhaliza" in shown
    assert "&#34;viewName&#34;" in shown  # the record's own bytes


def test_what_the_gateway_sent_is_escaped(ask, world: World):
    """Names, references, callbacks and fields with markup in them, in every view."""
    fields = {
        "virtualAccount": {"bankCode": EVIL, "vaNumber": EVIL, "viewName": EVIL},
        "merchantRef": EVIL,
        "feePayer": EVIL,
        "additionalInfo": {"callback": f"https://shop.example/{EVIL}?x={EVIL}"},
        "status": EVIL,
        EVIL: 1,
    }
    world.gateway.put("tx-2", raw=record("tx-2", **fields))
    world.read()
    for query in ({"q": "tx-2"}, {"q": EVIL}, {"q": "tx-2", "show": "personal"}):
        text = ask("search", **query)
        assert "1 transaction found" in text
        assert "<img" not in text
        assert "{{7*7}}" in text
    assert "<img" not in ask("day", project="api.sengo.id-0a1b2c3d", day="2026-11-20")


def test_history_shows_what_was_replaced_and_refused(ask, world: World):
    """Late settlement replaces, a step back is refused; both stay to be seen, newest first."""
    world.gateway.put("tx-3", "pending", raw=record("tx-3", "pending", 500, virtualAccount=ACCOUNT))
    world.read()
    world.gateway.rows.clear()
    world.gateway.put("tx-3", "success", raw=record("tx-3", "success", 500, virtualAccount=ACCOUNT))
    world.read()
    world.gateway.rows.clear()
    world.gateway.put("tx-3", "expired", raw=record("tx-3", "expired", 500, virtualAccount=ACCOUNT))
    world.read()
    text = ask("search", q="tx-3")
    history = text[text.index('id="h1"') :]
    told = re.findall(r"<td>(success|pending|expired)</td>.*<td>(stands|replaced|refused)</td>", history)
    assert told[0] == ("success", "stands")
    assert sorted(told[1:]) == [("expired", "refused"), ("pending", "replaced")]
    assert "Nurhaliza" not in text
    assert "Siti Nurhaliza" in ask("search", q="tx-3", show="personal")


def noted(world: World, id: str, count: int) -> None:
    """So many earlier versions in the history of an id, oldest first, and one more of another transaction."""
    (row,) = [row for row in world.archive.transactions().to_pylist() if row["id"] == id]
    start = row["last_changed_at"]
    rows = [
        {
            **row,
            "amount": number,
            "digest": number,
            "last_changed_at": start - timedelta(hours=count - number),
        }
        | {"read_id": "earlier", "reason": "replaced"}
        for number in range(count)
    ]
    other = {**rows[0], "type": "cashOut", "amount": 987_654, "digest": 987_654}
    world.archive.tables.append("history", pa.Table.from_pylist([*rows, other], HISTORY))


@pytest.mark.parametrize("more", [0, 1, 30])
def test_a_long_history_is_cut_and_says_so(ask, one, more):
    """The latest ones, each once even if a writer that died left it twice, and of this type alone."""
    shown = report.VERSIONS_MAX
    noted(one, "tx-1", shown + more)
    noted(one, "tx-1", shown + more)
    text = ask("search", q="tx-1")
    amounts = re.findall(r'<td class="n">Rp\s(\d+)</td><td class="n">[^<]*</td>.*<td>replaced</td>', text)
    assert [int(amount) for amount in amounts] == [*reversed(range(more, shown + more))]
    assert (f"There are more; the latest {shown} versions are shown." in text) is bool(more)
    assert "987,654" not in text


def test_versions_come_without_their_bytes(one):
    """The page shows none of them, and a record may be large."""
    noted(one, "tx-1", 2)
    found = report.versions(one.archive.tables, PROJECT, "cashIn", "tx-1")
    assert [row["amount"] for row in found] == [1, 0]
    assert {*found[0]} == {*HISTORY.names} - {"raw"}


@pytest.mark.parametrize(("length", "cut"), [(100, False), (9000, True)])
def test_bytes_that_are_cut_say_so(ask, world: World, length, cut):
    """The beginning is shown; where the rest is, is told."""
    world.gateway.put("tx-4", raw=record("tx-4", note="x" * length))
    world.read()
    text = ask("search", q="tx-4", show="personal")
    assert ("x" * length in text) is not cut
    assert ("These are its first 4,000 characters" in text) is cut


def test_a_reference_of_many_transactions_is_cut(ask, world: World):
    """The page stays small, and says that there are more."""
    for number in range(report.FOUND_MAX + 5):
        world.gateway.put(f"n{number}", raw=record(f"n{number}", merchantRef="none"))
    world.read()
    assert f"{report.FOUND_MAX} of more transactions found" in ask("search", q="none")


def test_an_empty_search_says_what_it_wants(ask, one):
    """No question, no answer."""
    assert "Give the whole id of a transaction" in ask("search")
    assert "Give the whole id of a transaction" in ask("search", q="   ")


def test_an_archive_without_tables_finds_nothing(ask, archive_uri):
    """Before the first read."""
    assert "has no transaction" in ask("search", q="tx-1")
