# SPDX-License-Identifier: Apache-2.0
"""What the README says is true: its Python runs, its commands exist, its tables are those of the code."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from repository import ROOT

from airflow_provider_sengo import cli, connection_fields
from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.check import WARN_DAYS_LEFT
from airflow_provider_sengo.archive.coverage import SEALING_HOURS, State
from airflow_provider_sengo.archive.schema import HISTORY, READS, TRANSACTIONS
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.exceptions import SignatureMismatch
from airflow_provider_sengo.get_provider_info import get_provider_info
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.simulator import CLIENT_KEY, CLIENT_TOKEN, Simulator
from airflow_provider_sengo.simulator import __main__ as simulator_command
from airflow_provider_sengo.simulator.senangpay_settings import MERCHANT_ID, SECRET_KEY

README = (ROOT / "README.md").read_text()
LINES_MAX = 300
BOOKS = "s3://books/sengo"  # the README's archive; replaced by a folder of the test's own
A_DAY, A_NOON = "2026-11-21", "2026-11-22"
OUR_COMMAND = "python -m airflow_provider_sengo "

pytestmark = pytest.mark.xdist_group("readme")  # one worker runs the README's DAG once


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose head begins with ``heading``, cell by cell."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert found is not None, heading
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]


def block_with(text: str) -> str:
    (found,) = [block for block in blocks("python") if text in block]
    return found


@pytest.fixture(scope="module")
def gateway() -> Iterator[Simulator]:
    with Simulator(per_day=8) as simulator:
        yield simulator


@pytest.fixture
def connected(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment that the README asks for."""
    fields = {"conn_type": "sengo", "login": gateway.client_key, "password": gateway.client_token}
    connection = json.dumps(fields | {"host": gateway.base_url})
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)
    return {"AIRFLOW_CONN_SENGO_DEFAULT": connection}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("books")


@pytest.fixture
def archived(
    connected: dict[str, str],
    books: Path,
    gateway: Simulator,
    run_dag: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The README's archive: made once, by running the README's first DAG."""
    monkeypatch.setenv("AIRFLOW__SENGO__ARCHIVE_URI", str(books))
    if not (books / "reads").exists():
        from airflow.dag_processing.dagbag import DagBag

        (tmp_path / "books.py").write_text(block_with("with DAG("))
        bag = DagBag(dag_folder=str(tmp_path))
        assert (bag.import_errors, list(bag.dags)) == ({}, ["books"])
        run = run_dag(bag.dags["books"])
        states = {(each.task_id, str(each.state)) for each in run.get_task_instances()}
        assert states == {("plan", "success"), ("archive_day", "success"), ("check", "success")}
    return books


def execute(code: str, **names: Any) -> dict[str, Any]:
    """Run a block as its reader would, in a namespace of its own."""
    exec(compile(code, "README.md", "exec"), names)
    return names


def test_the_first_dag_archives_the_week(archived: Path, gateway: Simulator) -> None:
    """The fifteen lines, parsed and run by Airflow, leave an archive that equals the gateway's ledger."""
    assert len(block_with("with DAG(").splitlines()) <= 15
    now = datetime.now(UTC)
    for day in days.window(now)[:-1]:
        for type_ in days.TYPES:
            held = Archive(str(archived)).transactions(day=day, type=type_)
            ledger = gateway.world.ledger(day=str(day), type=type_)
            assert ledger
            assert set(held["id"].to_pylist()) == {row["id"] for row in ledger}


def test_the_queries_run(archived: Path, capsys: pytest.CaptureFixture[str], gateway: Simulator) -> None:
    """The DuckDB sums are the gateway's own, and the read-back shows coverage, rows and history."""
    code = block_with("duckdb")
    now = datetime.now(UTC)
    yesterday = days.today(now) - timedelta(days=1)
    for old, new in ((BOOKS, str(archived)), (A_DAY, str(yesterday)), (A_NOON, now.isoformat())):
        assert old in code
        code = code.replace(old, new)
    names = execute(code)
    printed = capsys.readouterr().out
    paid = [
        row for row in gateway.world.ledger(day=str(yesterday), type="cashIn") if row["status"] == "success"
    ]
    line = next(line for line in printed.splitlines() if str(yesterday) in line and "cashIn" in line)
    assert [int(number) for number in re.findall(r"\b\d+\b", line)[-2:]] == [
        len(paid),
        sum(row["amount"] for row in paid),
    ]
    assert re.search(rf"^{days.window(now)[0]} cashIn complete \d+ \d+ ", printed, re.MULTILINE)
    assert names["table"].num_rows == len(gateway.world.ledger(day=str(yesterday), type="cashIn"))
    assert names["versions"].schema.names == HISTORY.names


def test_the_query_for_odd_rows_runs(archived: Path) -> None:
    """The runbook's SQL is sound."""
    import duckdb
    from deltalake import DeltaTable

    (query,) = re.findall(r"`(SELECT [^`]*)`", README)
    transactions = DeltaTable(str(archived / "transactions")).to_pyarrow_dataset()
    assert duckdb.sql(query).fetchall() == []
    del transactions  # DuckDB finds it by its name


def test_the_test_of_the_simulator_passes(
    sengo_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the README gives as a test of one's own works as it stands, with the plugin it names."""
    (plugin,) = re.findall(r'`pytest_plugins = \["([\w.]+)"\]`', README)
    assert plugin in sys.modules
    names = execute(block_with("sengo_simulator"))
    names["test_balance"](sengo_simulator, monkeypatch)
    assert sengo_simulator.world.requests().by_fault == {"http_500": 1}


def test_the_image_of_a_code_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three lines, with the XCom ``qris`` of the operator at hand."""
    monkeypatch.chdir(tmp_path)
    names = execute(block_with("qr_image"), Path=Path, qris={"content": "00020101021226640017ID.CO"})
    assert (tmp_path / "code.png").read_bytes().startswith(b"\x89PNG")
    assert names["qr_svg"]("00020101").startswith("<?xml")


def test_a_card_is_stored_as_told(gateway: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A buyer opens the URL and types a card in; what the return URL gets is the token that the gateway made."""
    fields = {"conn_type": "senangpay", "login": gateway.merchant_id, "password": gateway.secret_key}
    connection = json.dumps(fields | {"host": gateway.senangpay_base_url})
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", connection)
    gateway.world.senangpay.configure(return_url="http://127.0.0.1:1/back")
    names = execute(block_with("tokenization_url"))
    buyer = {"name": "Abu Bin Ali", "email": "abu@example.com", "phone": "+60123456789"}
    page, _, query = names["page_to_store_a_card"]("card0001", buyer).partition("?")
    card = {"card_number": "5111 1111 1111 1118", "expiry": "05/27", "cvv": "100"}
    typed = urlencode(dict(parse_qsl(query)) | card).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, headers, _ = gateway.world.handle("POST", f"{page}/card", form, typed)
    assert status in (302, 303)
    back = urlsplit(headers["location"]).query
    token = names["token_of_the_stored_card"](back, "card0001")
    assert gateway.world.senangpay.token(token)["enabled"]
    with pytest.raises(SignatureMismatch):
        names["token_of_the_stored_card"](back, "card0002")


def test_every_python_block_is_run_here() -> None:
    """A block that no test above takes would be a promise without a proof."""
    taken = {
        block_with(word)
        for word in ("with DAG(", "duckdb", "sengo_simulator", "qr_image", "tokenization_url")
    }
    assert set(blocks("python")) == taken


def shell_lines() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


def test_every_spelling_of_a_connection_means_what_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow and the hook read each line, and come to the base URL of its comment."""
    exports = [line for line in shell_lines() if line.startswith("export ")]
    assert len(exports) >= 4
    for line in exports:
        _, assignment, mark, base_url = shlex.split(line)
        name, _, value = assignment.partition("=")
        assert (name, mark) == ("AIRFLOW_CONN_SENGO_DEFAULT", "#")
        monkeypatch.setenv(name, value)
        credentials = SenGoHook().credentials
        assert (credentials.base_url, credentials.client_key, credentials.client_token) == (
            base_url,
            "KEY",
            "TOKEN",
        )


def commands() -> list[list[str]]:
    """Every call of our command line, in cron lines and in text, as words."""
    calls = re.findall(rf"{OUR_COMMAND}([^`|\n]*)", README)
    return [shlex.split(call) for call in calls]


def test_every_command_is_one_that_the_parser_knows() -> None:
    """Cron lines, the runbook's and the simulator's: no option is made up."""
    found = commands()
    assert {words[0] for words in found} == {"archive", "coverage", "simulator"}
    for words in found:
        if words[0] == "simulator":
            simulator_command.parser().parse_args(words[1:])
        else:
            cli.parser().parse_args([word if word != "..." else A_DAY for word in words])
    assert set(re.findall(r"`airflow sengo (\w+)`", README)) == set(cli.COMMANDS)
    assert f"`{CLIENT_KEY}`, token `{CLIENT_TOKEN}`" in README
    assert f"merchant id `{MERCHANT_ID}`, secret key `{SECRET_KEY}`" in README


def test_cron_needs_neither_scheduler_nor_database(
    archived: Path, connected: dict[str, str], tmp_path: Path
) -> None:
    """The cron lines run from the environment alone, in an Airflow home without a database, and say all is well."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "_AIRFLOW"))
    }
    env = clean | connected | {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__SENGO__ARCHIVE_URI": str(archived)}
    env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{tmp_path}/none.db"
    cron = [line for line in shell_lines() if OUR_COMMAND in line]
    assert len(cron) == 2
    for line in cron:
        words = shlex.split(line.partition("python ")[2].partition("||")[0])
        assert re.fullmatch(r"\d+ \d+ \* \* \* ", line.partition("python ")[0])
        done = subprocess.run(
            [sys.executable, *words],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == cli.OK, done.stderr
    covered = json.loads(done.stdout)["days"]
    assert {each["state"] for each in covered} <= {"complete", "sealed", "open"}
    assert not (tmp_path / "none.db").exists()


def test_make_targets_exist() -> None:
    """No target is made up, and what a target runs is there."""
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`make ([a-z-]+)`", README))
    assert {"demo", "test", "test-real", "check", "check-guards"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for script in re.findall(r"tools/\w+\.py", makefile):
        assert (ROOT / script).is_file(), script


def test_links_to_files_lead_somewhere() -> None:
    """Every link into the repository names a file that is there."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_connection_table_is_the_generated_one() -> None:
    """Form, limits and README come from one table."""
    assert f"\n{connection_fields.markdown_table()}\n" in README


def test_the_examples_are_all_that_there_are() -> None:
    """One row for each file, which is also a link."""
    linked = [re.findall(r"\(example_dags/([\w.]+)\)", row[0]) for row in table("example")]
    assert sorted(linked) == [[path.name] for path in sorted((ROOT / "example_dags").glob("*.py"))]


def test_the_settings_are_those_that_airflow_reads() -> None:
    """Each option of ``[sengo]`` is told, and no other."""
    options = get_provider_info()["config"]["sengo"]["options"]
    assert [row[0].strip("`") for row in table("setting")] == list(options)


def test_the_operators_are_all_that_there_are() -> None:
    """One row for each operator of the modules that the provider info announces, under its real name."""
    from airflow.providers.common.compat.sdk import BaseOperator

    info = get_provider_info()
    announced = [name for each in info["operators"] + info["sensors"] for name in each["python-modules"]]
    modules = {name.partition(".")[2]: import_module(name) for name in announced}
    public = {
        f"{name}.{value.__name__}"
        for name, module in modules.items()
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseOperator)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    }
    assert {row[0].strip("`") for row in table("class")} == public


def test_the_columns_are_those_of_the_tables() -> None:
    """Every column named for a table is one of its columns."""
    schemas = {"transactions": TRANSACTIONS, "history": HISTORY, "reads": READS}
    rows = {row[0].strip("`"): re.findall(r"`(\w+)`", row[2]) for row in table("table")}
    assert rows.keys() == schemas.keys()
    for name, columns in rows.items():
        assert set(columns) <= set(schemas[name].names)


def test_the_states_and_limits_are_those_of_the_code() -> None:
    """Seven states, in order, and the numbers that the text gives."""
    assert [row[0] for row in table("state")] == [str(state) for state in State]
    assert f"at least {SEALING_HOURS} hours apart" in README
    assert f"`warn_days_left` ({WARN_DAYS_LEFT})" in README
    assert (days.RETENTION_DAYS, days.CLOSING_HOURS) == (7, 8)


def test_the_runbook_has_the_rows_that_errors_name() -> None:
    """An error that sends its reader to the runbook names a row that is there."""
    rows = [row[0] for row in table("what you see")]
    package = "".join(path.read_text() for path in sorted((ROOT / "airflow_provider_sengo").rglob("*.py")))
    package = re.sub(r'"\s*\n\s*f?"', "", package)  # a text over several lines is one
    sent = re.findall(r"README's runbook, ('[^\"]*)\.\"", package)
    assert len(sent) == len(re.findall("runbook", package)), "an error names the runbook without a row"
    named = {name for part in sent for name in re.findall(r"'([^']+)'", part)}
    money = {"unknown outcome", "mismatch", "declined", "duplicate reference"}
    waits = {"unknown transaction", "waited too long"}
    assert named == {"a day in danger", "a lost day"} | money | waits
    assert [name for name in named if not any(re.match(rf"{name}\b", row) for row in rows)] == []


def test_it_is_short_and_names_no_option_that_argparse_lacks() -> None:
    """Someone reads it in one go; ``--day`` and ``--help`` are all the options its text leans on."""
    assert len(README.splitlines()) <= LINES_MAX
    known = {option for action in parsers() for option in action.option_strings} | {"--port"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README)) <= known


def parsers() -> list[argparse.Action]:
    """The actions of all our commands."""
    top = cli.parser()
    below = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    return [action for group in below for command in group.choices.values() for action in command._actions]
