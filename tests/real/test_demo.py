# SPDX-License-Identifier: Apache-2.0
"""The first thing that a newcomer runs: it ends as the README shows, and says in one line what is wrong."""

import json
import re
import signal
import socket
import sys
from pathlib import Path

import pytest
from demo_process import demo, stopped_demo

sys.path.insert(0, str(Path(__file__).parents[1] / "archive"))
sys.path.insert(0, str(Path(__file__).parents[1] / "house"))

from object_store import KEY_ID, REGION, SECRET
from readme import blocks


def shape(line):
    """A line's words, with every number, day and state told alike."""
    words = re.sub(r"\d[\d,-]*", "N", " ".join(line.split()))
    return re.sub(r"\bcash(?:In|Out)\b", "TYPE", words)


def test_the_demo_ends_as_the_readme_shows_and_a_second_run_has_nothing_to_do(tmp_path):
    """Each line of the README's block is one that the demo prints, but for its numbers."""
    code, printed, error = demo(tmp_path)
    assert code == 0, error
    lines = {shape(line) for line in printed.splitlines()}
    shown = next(block for block in blocks("text") if block.startswith("== DAG run"))
    assert [line for line in shown.splitlines() if shape(line) not in lines] == []
    assert "DIFFERENT" not in printed

    code, again, error = demo(tmp_path)
    assert code == 0, error
    assert "nothing was due, 0 rows written, 0 requests to the gateway" in again
    assert "DIFFERENT" not in again


def test_a_demo_that_is_stopped_ends_at_once_and_the_next_goes_on(tmp_path):
    """Ctrl-C at any moment: one line, nothing left running, and what is there bears it, SIGKILL too."""
    home = tmp_path / "demo"
    line = "== Stopped. What was archived stays; make demo goes on from there.\n"

    def stop(number, moment, code, said=line):
        assert stopped_demo(tmp_path, number, moment) == (code, said, [])
        with pytest.raises(ConnectionRefusedError), socket.socket() as client:
            client.connect(("127.0.0.1", json.loads((home / "state.json").read_text())["port"]))

    def archives(days):
        commits = home / "archive" / "transactions" / "_delta_log"
        before = len(list(commits.glob("*.json")))
        return lambda _: len(list(commits.glob("*.json"))) > before + days

    stop(signal.SIGINT, lambda _: (home / "airflow" / "airflow.db-wal").exists(), 130)
    stop(signal.SIGINT, lambda printed: "== SenGo simulator on" in printed, 130)
    stop(signal.SIGTERM, lambda printed: "== Airflow: running the DAG" in printed, 143)
    stop(signal.SIGINT, archives(days=0), 130)
    stop(signal.SIGKILL, archives(days=1), -signal.SIGKILL, "")

    code, printed, error = demo(tmp_path)
    assert code == 0, error
    assert printed.count("equal: 300") >= 12
    assert "DIFFERENT" not in printed
    assert not list(home.glob("temporary*/*"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ALLOW_HTTP": "true"},
            "the archive s3://books/demo cannot be",
        ),
        ({"ARCHIVE_CONN": "{"}, "ARCHIVE_CONN is no connection"),
        ({"ARCHIVE": f"s3://key:{SECRET}@books/demo"}, "without password"),
    ],
    ids=["nobody there", "no connection", "a secret in the URI"],
)
def test_a_demo_without_its_archive_ends_with_one_line(tmp_path, settings, said):
    """What is wrong is said at once, without a traceback and without a secret."""
    known = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
    code, printed, error = demo(tmp_path, **{"ARCHIVE": "s3://books/demo", **known, **settings})
    assert (code, printed) == (1, "")
    assert error[0].startswith("error: ")
    assert said in error[0]
    assert SECRET not in error[0]
