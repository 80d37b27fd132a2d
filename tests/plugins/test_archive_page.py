# SPDX-License-Identifier: Apache-2.0
"""The archive page: every state in words, the urgent first, sums that agree, and good empty pages."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from archive_maker import PROJECT, TODAY, make_archive
from archive_world import World
from read_records import FIRST, read

from airflow_provider_sengo.archive.coverage import State
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.plugins.archive_page import PROJECTS_JUDGED_MAX

URGENT = TODAY - timedelta(days=6)
LATER = TODAY - timedelta(days=4)
LOST = TODAY - timedelta(days=8)
LONG_LOST = TODAY - timedelta(days=30)
UNREAD = {(LATER, "cashIn"), (URGENT, "cashOut"), (LOST, "cashIn"), (LONG_LOST, "cashOut")}


@pytest.fixture
def holes(archive_uri: str) -> str:
    make_archive(archive_uri, number_of_days=40, per_day=5, unread=UNREAD)
    return archive_uri


def cells(text: str) -> dict[str, str]:
    """Label of each day of the calendar -> its letters."""
    found = re.findall(r'aria-label="([^"]+ \w+: cash[^"]+)"[^>]*>\d+<span>(.*?)</span>', text)
    return {label: re.sub(r"<[^>]+>", "", marks) for label, marks in found}


def test_every_state_has_its_word_in_the_legend(ask, month_uri):
    """With how many days are in it, so that colour tells nothing that words do not."""
    text = ask("archive")
    legend = re.search(r'<table class="legend-table">.*?</table>', text, re.DOTALL)[0]
    for state in State:
        assert re.search(rf'class="mark s-{state}" aria-hidden="true">\S</span> {state}</th>', legend)


def test_a_day_tells_both_types_in_words_and_letters(ask, holes):
    """Left cashIn, right cashOut; a missing day tells its last safe day."""
    told = cells(ask("archive"))
    assert told["22 November: cashIn open; cashOut open"] == "OO"
    assert told["20 November: cashIn complete, 4 successful; cashOut complete, 4 successful"] == "CC"
    assert (
        told["18 November: cashIn missing, last safe day 2026-11-24; cashOut complete, 4 successful"] == "!C"
    )
    assert told["14 November: cashIn lost; cashOut sealed, 4 successful"] == "\N{MULTIPLICATION SIGN}S"
    assert told["15 November: cashIn sealed, 4 successful; cashOut sealed, 4 successful"] == "SS"
    assert len(told) == 40 + 5  # those before the first read that were in its window then


def test_days_that_need_somebody_come_first(ask, holes):
    """The most urgent at the top; a loss of long ago is no news; the reader is told until when and what to do."""
    text = ask("archive")
    todo = text[text.index('id="todo"') : text.index('id="calendar"')]
    assert re.findall(r'day=(\d{4}-\d\d-\d\d)"', todo) == [str(URGENT), str(LATER), str(LOST)]
    assert "today is the last day. Last safe day: <b>2026-11-22</b> (today)." in todo
    assert "2 days left after today. Last safe day: <b>2026-11-24</b>." in todo
    assert f"python -m airflow_provider_sengo archive --day {URGENT}" in todo
    assert text.index('id="todo"') < text.index('id="calendar"') < text.index('id="charts"')


def test_nothing_to_do_is_said(ask, month_uri):
    """A quiet archive says so."""
    assert "Nothing. No day is in danger of being forgotten." in ask("archive")


def test_a_shrunk_day_is_shown(ask, world: World):
    """A success that left its listing."""
    world.gateway.fill(3)
    world.gateway.fill(2, "expired")
    world.read()
    world.gateway.drop("success-1")
    world.read()
    text = ask("archive")
    assert '<span class="state s-shrunk">shrunk</span>' in text
    assert "A success that was listed before is no longer listed." in text
    assert "No listing of cashOut was ever read" in text  # and its days fill no calendar with losses
    assert "cashOut" not in "".join(cells(text))


def test_sums_agree_with_the_rows(ask, month_uri):
    """The numbers around the charts are those of the table, of the chosen range and type alone."""
    text = ask("archive", first="2026-11-10", last="2026-11-12", type="cashOut")
    rows = [
        row
        for day in ("2026-11-10", "2026-11-11", "2026-11-12")
        for row in Archive(month_uri).transactions(PROJECT, day, "cashOut").to_pylist()
    ]
    paid = [row["amount"] for row in rows if row["status"] == "success"]
    whole = sum(row["amount"] for row in rows)
    sums = [each.replace("\N{NO-BREAK SPACE}", " ") for each in re.findall(r'class="sum">([^<]+)<', text)]
    assert sums == [f"{len(rows)}", f"Rp {whole:,}", f"{len(paid)}", f"Rp {sum(paid):,}"]
    assert len(re.findall(r"<tr><th scope=\"row\">2026-11-1[012]</th>", text)) == 3 * 4
    assert "2026-11-13" not in text[text.index('class="charts"') :]


def test_another_year_and_project_can_be_chosen(ask, holes):
    """What is chosen stays chosen in the links."""
    Archive(holes).record_reads([])
    text = ask("archive", project=PROJECT, year="2025")
    assert "The archive has no day of 2025." in text
    assert ask("archive", project="somebody-else", status=400).count(
        "The archive holds nothing of this project"
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"first": "2026-13-01"}, "must be a calendar day"),
        ({"first": "2026-11-20", "last": "2026-11-19"}, "must not be after last"),
        ({"first": "2020-01-01", "last": "2026-11-19"}, "at most 366 days"),
        ({"type": "cashUp"}, "must be one of cashIn, cashOut"),
        ({"last": "0001-01-02"}, ""),
    ],
)
def test_an_odd_address_is_refused_or_answered(client, month_uri, query, told):
    """Never an error of the server, and never what was asked, repeated."""
    answer = client.get("/sengo/archive", params=query)
    assert answer.status_code == (400 if told else 200)
    assert told in answer.text
    assert "cashUp" not in answer.text


@pytest.mark.parametrize("year", ["0", "99999", "-1", "x", "²", "<b>"])
def test_an_odd_year_is_no_error(ask, month_uri, year):
    """It has no days, or the latest year is shown."""
    assert "<b>" not in re.findall(r"Calendar [^<]*<?b?>?", ask("archive", year=year))[0]


def test_no_archive_is_configured(ask, monkeypatch):
    """Says which setting is missing."""
    monkeypatch.delenv("AIRFLOW__SENGO__ARCHIVE_URI", raising=False)
    for page in ("archive", "search"):
        text = ask(page)
        assert "No archive is configured" in text
        assert "[sengo] archive_uri" in text


def test_the_archive_is_empty(ask, archive_uri):
    """Says how it is filled."""
    assert "The archive is empty" in ask("archive")


def test_wrong_settings_are_told(ask, monkeypatch):
    """Without the URI, which may hold what it should not."""
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", "s3://user:secret-0001@bucket/x")
    text = ask("archive", status=503)
    assert "The archive&#39;s settings are wrong" in text
    assert "secret-0001" not in text
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", "/data/archive")
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_CONN_ID", "nowhere_to_be_found")
    assert "nowhere_to_be_found" in ask("archive", status=503)


def test_a_broken_archive_is_told(ask, month_uri, archive_uri):
    """An archive that cannot be read is a page, and its error is for the log."""
    make_archive(archive_uri, number_of_days=2, per_day=3)
    for file in Path(archive_uri, "transactions").rglob("*.parquet"):
        file.write_bytes(b"not parquet")
    assert "The archive cannot be read" in ask("archive", status=503)
    assert "The archive cannot be read" in ask(
        "day.csv", status=503, project=PROJECT, day="2026-11-21", type="cashIn"
    )


def test_storage_options_come_from_airflow_s_database(ask, rights, archive_uri, monkeypatch):
    """A connection that somebody typed into the UI is found in the process that serves the pages."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    make_archive(archive_uri, number_of_days=2, per_day=3)
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_CONN_ID", "store_of_pages")
    with create_session() as session:
        session.add(Connection(conn_id="store_of_pages", conn_type="generic", extra='{"AWS_REGION": "x"}'))
    try:
        assert PROJECT in ask("archive")
    finally:
        with create_session() as session:
            session.query(Connection).filter(Connection.conn_id == "store_of_pages").delete()


def test_the_page_does_not_grow_with_the_transactions(ask, monkeypatch, tmp_path):
    """Fifty times the rows, the same page but for the digits of its numbers."""
    sizes = {}
    for per_day in (20, 1000):
        uri = str(tmp_path / str(per_day))
        make_archive(uri, number_of_days=10, per_day=per_day)
        monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", uri)
        sizes[per_day] = [
            len(ask("archive", first="2026-11-13", last="2026-11-22")),
            len(ask("day", project=PROJECT, day="2026-11-20")),
        ]
    for small, large in zip(*sizes.values(), strict=True):
        assert large < small * 1.1


def test_the_calendar_can_be_used_without_seeing_it(ask, month_uri):
    """Headings in order, captions, column headers, a way past the navigation, labels on every field."""
    text = ask("archive")
    levels = [int(level) for level in re.findall(r"<h(\d)", text)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    tables = re.findall(r"<table.*?</table>", text, re.DOTALL)
    assert tables
    assert all("<caption" in table and 'scope="col"' in table for table in tables)
    assert '<a class="skip" href="#main">' in text
    assert 'id="main"' in text
    assert '<html lang="en">' in text
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', text)) <= set(ids)
    for field in re.findall(r"<(?:input|select)[^>]*>", text):
        if 'type="hidden"' not in field:
            name = re.search(r'name="([^"]+)"', field)[1]
            assert re.search(
                rf'<label[^>]*for="{name}"|<label>[^<]*<(?:input|select)[^>]*name="{name}"', text
            )
    assert all("aria-label" in svg for svg in re.findall(r"<svg[^>]*>", text))


def test_a_project_in_danger_is_shown_before_others(ask, archive_uri):
    """Whoever opens the page sees where a day is about to be lost."""
    make_archive(archive_uri, number_of_days=10, per_day=3)
    world = World(archive_uri)
    world.gateway.fill(1)
    other = "api.sandbox.sengo.id-00000000"
    world.read(project=other)
    text = ask("archive")
    assert f'<p class="sub">{other}</p>' in text
    assert "to do</span>" in text
    assert f'<p class="sub">{PROJECT}</p>' in ask("archive", project=PROJECT)


@pytest.mark.parametrize("more", [0, 2])
def test_projects_that_were_not_looked_at_are_told(ask, archive_uri, more):
    """With how to reach them; what such a project needs stands on its own page. No word where there are none."""
    projects = [f"project-{number:02}" for number in range(PROJECTS_JUDGED_MAX + more)]
    Archive(archive_uri).record_reads(
        [record for project in projects for record in read(FIRST, project, project=project)]
    )
    text = ask("archive")
    note = re.search(r'<p class="note">Only the first .*?</p>', text)
    assert (note is not None) is (more > 0)
    if note:
        assert "the first 20 of 22 projects" in note[0]
        assert "choose one above" in note[0]
    last = projects[-1]
    assert f'<a href="archive?project={last}">{last}' in text
    assert text.count("to do</span>") == PROJECTS_JUDGED_MAX
    assert 'href="day?project=project-' in ask("archive", project=last)
