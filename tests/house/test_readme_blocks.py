# SPDX-License-Identifier: Apache-2.0
"""Every fenced block of the README is run as its reader would run it. The demo's is in ``tests/real``."""

from __future__ import annotations

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

from readme import OUR_COMMAND, README, block_with, blocks, shell_lines
from repository import PACKAGE

from airflow_provider_sengo import cli
from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.schema import HISTORY
from airflow_provider_sengo.archive.store import Archive
from airflow_provider_sengo.exceptions import SignatureMismatch
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.simulator import Simulator

BOOKS = "s3://books/sengo"  # the README's archive; replaced by a folder of the test's own
A_DAY = "2026-11-21"
DIAGRAM_COLUMN = 43  # where the words begin that say what stands before them

pytestmark = pytest.mark.xdist_group("readme")  # one worker runs the README's DAG once


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
    for old, new in ((BOOKS, str(archived)), (A_DAY, str(yesterday))):
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


def test_the_image_of_a_code_is_made() -> None:
    """The names that the text gives, with the XCom ``qris`` of the operator at hand."""
    (module,) = re.findall(r'`qr_png\(qris\["content"\]\)` of `([\w.]+)`', README)
    images = import_module(module)
    assert images.qr_png("00020101021226640017ID.CO").startswith(b"\x89PNG")
    assert images.qr_svg("00020101021226640017ID.CO").startswith("<?xml")


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


def test_every_block_is_run() -> None:
    """A block that no test takes would be a promise without a proof."""
    taken = {block_with(word) for word in ("with DAG(", "duckdb", "sengo_simulator", "tokenization_url")}
    assert set(blocks("python")) == taken
    assert [line for line in shell_lines() if line not in exports() + cron_lines()] == []
    demo, layers = blocks("text")  # tests/real/test_demo.py; below
    assert demo.startswith("== DAG run: ")
    assert layers.startswith("operators/ ")
    fences = re.findall(r"^```(\w+)$", README, re.MULTILINE)
    assert set(fences) == {"python", "sh", "text"}


def test_the_diagram_names_what_is_there() -> None:
    """Its first column, and whatever ends with a slash behind it, is the tree."""
    _, layers = blocks("text")
    first = [name for line in layers.splitlines() for name in re.findall(r"[\w./]+", line[:DIAGRAM_COLUMN])]
    named = [*first, *re.findall(r"\b\w+/", layers)]
    assert {"operators/", "hooks/", "protocol/", "archive/run", "cli.py", "simulator/"} <= set(named)
    files = {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py")}
    folders = {f"{path.relative_to(PACKAGE).as_posix()}/" for path in PACKAGE.rglob("*") if path.is_dir()}
    here = files | folders | {f"{name}.py" for name in files} | {Path(name).name for name in files}
    assert [name for name in named if name not in here] == []
    packages = {name for name in folders if (PACKAGE / name / "__init__.py").exists()}
    assert packages <= set(named) | {"archive/"}, "a package that the diagram forgets"


def exports() -> list[str]:
    """The lines that define a connection."""
    return [line for line in shell_lines() if line.startswith("export ")]


def cron_lines() -> list[str]:
    return [line for line in shell_lines() if OUR_COMMAND in line]


SPELLED = {
    "AIRFLOW_CONN_SENGO_DEFAULT": (SenGoHook, ("client_key", "client_token"), ("CLIENT_KEY", "CLIENT_TOKEN")),
    "AIRFLOW_CONN_SENANGPAY_DEFAULT": (
        SenangPayHook,
        ("merchant_id", "secret_key"),
        ("123456789012345", "SECRET_KEY"),
    ),
}


@pytest.mark.parametrize("line", exports())
def test_every_spelling_of_a_connection_means_what_stands_behind_it(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow and the hook read the line, and come to the base URL of its comment."""
    _, assignment, mark, base_url = shlex.split(line)
    name, _, value = assignment.partition("=")
    monkeypatch.setenv(name, value)
    hook, fields, written = SPELLED[name]
    credentials = hook().credentials
    assert (mark, credentials.base_url) == ("#", base_url)
    assert tuple(getattr(credentials, field) for field in fields) == written


def test_both_gateways_are_connected() -> None:
    """Nobody has to guess how the other one is spelled."""
    assert {name for name in SPELLED if any(f" {name}=" in line for line in exports())} == set(SPELLED)


def test_cron_needs_neither_scheduler_nor_database(
    archived: Path, connected: dict[str, str], tmp_path: Path
) -> None:
    """The cron lines run from the environment alone, in an Airflow home without a database, and say all is well."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "_AIRFLOW"))
    }
    env = clean | connected | {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__SENGO__ARCHIVE_URI": str(archived)}
    env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{tmp_path}/none.db"
    assert len(cron_lines()) == 2
    for line in cron_lines():
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
