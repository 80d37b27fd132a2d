# SPDX-License-Identifier: Apache-2.0
"""Whatever any task does in a real run, and whatever the gateway does to it: no secret is left anywhere.

Looked through: standard output and error, every log record at DEBUG (the HTTP libraries' and the event loops',
too), all files of Airflow's home, all tables of its database, XCom, lineage, and what triggers tell.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socketserver
import sqlite3
import threading
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator, HookLineageCollector
from airflow.triggers.base import BaseTrigger
from every_task import make_tasks, public_classes, task_recipes, trigger_recipes
from made_secrets import KEY, PROXY_PASSWORD, PROXY_USER, SECRET_KEY, TOKEN

from airflow_provider_sengo.archive import days
from airflow_provider_sengo.hooks import steps
from airflow_provider_sengo.protocol import signing
from airflow_provider_sengo.simulator import Simulator

pytestmark = pytest.mark.xdist_group("airflow_db")

DAY = days.today(datetime.now(UTC)) - timedelta(days=3)
SITUATIONS = ("works", "refused", "telling", "proxied")
# What fails whatever the gateway does: an unknown id, a wrong order id, waits for what never comes, and the
# check of an archive with days that were not read.
NEVER_WELL = {
    *("sen_go_check_archive_operator_0", "sen_go_get_transaction_operator_1"),
    *("senang_pay_charge_token_operator_1", "sen_go_create_qris_operator_1"),
    *("sen_go_transaction_sensor_1", "senang_pay_order_sensor_1"),
}
NO_GATEWAY = {"sen_go_plan_archive_operator_0", "sen_go_archive_upkeep_operator_0"}


class RefusingProxy(socketserver.BaseRequestHandler):
    """Reads the head of a CONNECT and refuses it."""

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head and (piece := self.request.recv(4096)):
            head += piece
        self.server.heads.append(head)
        self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def proxy() -> Iterator[Any]:
    """A proxy on loopback that lets nothing through; ``heads`` are what it was asked."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), RefusingProxy) as server:
        server.heads = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Both gateways, with a paid and a pending payment of each kind, and a card."""
    # A seed of its own, so a card of its own: other tests of this process write theirs into the same database.
    with Simulator(per_day=6, days=7, seed=90210, extra_credentials={KEY: TOKEN}) as simulator:
        world = simulator.world
        world.senangpay.configure(secret_key=SECRET_KEY)
        noon = f"{DAY}T12:00"
        world.insert(key=KEY, reference="PAID-1", created_at=noon, status="success", amount=10_000)
        world.insert(key=KEY, reference="NEVER-1", created_at=noon, status="pending", amount=10_000)
        world.senangpay.add_payment("ORD0", amount_sen=2450)
        monkeypatch.setattr(steps, "time", SimpleNamespace(sleep=world.advance))
        simulator.card = world.senangpay.issue_token()
        yield simulator


def configure(situation: str, gateway: Any, proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections in Airflow's environment, and what the gateway does."""
    extra: dict[str, Any] = {"max_attempts": 1, "timeout_s": 5}
    hosts = {"sengo": gateway.base_url, "senangpay": gateway.senangpay_base_url}
    if situation == "proxied":
        port = proxy.server_address[1]
        extra["proxy"] = f"http://{PROXY_USER}:{quote(PROXY_PASSWORD, safe='')}@127.0.0.1:{port}"
        hosts = dict.fromkeys(hosts, "https://gateway.example/api")
    for kind, login, password in (("sengo", KEY, TOKEN), ("senangpay", gateway.merchant_id, SECRET_KEY)):
        also = {"callback_url": "https://shop.example/paid"} if kind == "sengo" else {}
        fields = {"conn_type": kind, "login": login, "password": password, "host": hosts[kind]}
        monkeypatch.setenv(
            f"AIRFLOW_CONN_{kind.upper()}_DEFAULT", json.dumps(fields | {"extra": extra | also})
        )
    monkeypatch.setenv("AIRFLOW_VAR_BUYERS_CARD", gateway.card)
    if situation == "refused":
        gateway.world.set_fault("refuse", status=401, code="UNAUTHORIZED")
    if situation == "telling":
        fields: dict[str, Any] = {"responseCode": 422, "status": 0}
        fields["responseMessage"] = f"no {TOKEN} of {KEY}, nor {quote(TOKEN, safe='')}"
        fields["msg"] = f"no {SECRET_KEY} and no {gateway.card}, nor {quote(SECRET_KEY, safe='')}"
        gateway.world.set_fault("tamper", fields=fields)


async def first_event(trigger: Any) -> str:
    """What a trigger tells first, and then it is closed as the triggerer closes it."""
    events = trigger.run()
    try:
        return repr([event.payload async for event in _at_most_one(events)])
    finally:
        await events.aclose()
        await trigger.cleanup()


async def _at_most_one(events: Any) -> Any:
    async for event in events:
        yield event
        return


def run_triggers(told: list[str]) -> None:
    """Each trigger, made anew from its arguments; what it tells, is and raises goes into ``told``."""
    classes = public_classes()
    deadline = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    for name, variants in trigger_recipes(deadline).items():
        for arguments in variants:
            path, kept = classes[name](**arguments).serialize()
            trigger = classes[name](**kept)
            told += [path, json.dumps(kept), repr(vars(trigger))]
            try:
                told.append(asyncio.run(first_event(trigger)))
            except Exception as error:  # noqa: BLE001 - that is what is looked into
                told += ["".join(traceback.format_exception(error)), f"{error!r} {vars(error)}"]


def database() -> Iterator[str]:
    """Every row of every table of Airflow's database."""
    home = Path(os.environ["AIRFLOW_HOME"])
    with closing(sqlite3.connect(home / "airflow.db")) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        assert {"xcom", "rendered_task_instance_fields", "serialized_dag", "log", "trigger"} <= {*tables}
        for table in tables:
            for row in connection.execute(f'select * from "{table}"'):
                yield f"{table}: " + " ".join(_legible(value) for value in row)


def _legible(value: object) -> str:
    """Airflow keeps JSON in text and in blobs; escapes are taken away."""
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return f"{text} {json.loads(text)}" if text.startswith(("{", "[", '"')) and _is_json(text) else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def files(folder: Path) -> Iterator[str]:
    """The text of every file, a database's free pages included."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes().decode("latin-1")


def assert_hidden(told: list[str], card: str) -> None:
    """None of the secrets in any spelling, no HMAC-SHA512 at all, and none of the hashes that were sent."""
    basic = b64encode(f"{PROXY_USER}:{PROXY_PASSWORD}".encode()).decode()
    merchant = Simulator.merchant_id
    hashes = [signing.sengo_signature(KEY, TOKEN)]
    hashes += [
        signing.senangpay_query_signature(merchant, SECRET_KEY, order, hash_type="sha256")
        for order in ("ORD0", "ORD1", "ORD9")
    ]
    everything = "\n".join(told).lower()
    for secret in (KEY, TOKEN, SECRET_KEY, PROXY_PASSWORD, basic, card, *hashes):
        for spelling in (
            secret,
            quote(secret, safe=""),
            quote(secret),
            quote_plus(secret),
            repr(secret)[1:-1],
        ):
            for escaped in (spelling, spelling.replace("/", "\\/"), json.dumps(spelling)[1:-1]):
                assert escaped.lower() not in everything
    assert not re.search(r"(?<![0-9a-f])[0-9a-f]{128}(?![0-9a-f])", everything)


def test_nothing_is_forgotten() -> None:
    """Every class that provider info offers has a recipe, and so is run below."""
    offered = public_classes()
    operators = {name for name, each in offered.items() if issubclass(each, BaseOperator)}
    triggers = {name for name, each in offered.items() if issubclass(each, BaseTrigger)}
    assert operators == task_recipes("/a", "2026-11-20").keys()
    assert triggers == trigger_recipes("2026-11-20T00:00:00+00:00").keys()


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_secret_is_left(
    situation: str,
    gateway: Any,
    proxy: Any,
    run_dag: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """All tasks in one run and all triggers, well or failing in each way."""
    configure(situation, gateway, proxy, monkeypatch)
    collector = HookLineageCollector()
    place = "airflow.providers.common.compat.sdk.get_hook_lineage_collector"
    monkeypatch.setattr(place, lambda: collector, raising=False)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")  # slow callbacks are logged with their arguments
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    name = f"every_task_{situation}"
    with DAG(name, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        made = dict(make_tasks(task_recipes(str(tmp_path / "archive"), str(DAY))))
    run = run_dag(dag)
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    assert states.keys() == made.keys()
    well = {task_id for task_id, state in states.items() if state == "success"}
    assert well == (made.keys() - NEVER_WELL if situation == "works" else NO_GATEWAY)
    run_triggers(told)
    told += [
        repr(task) + repr({each: getattr(task, each) for each in task.template_fields})
        for task in made.values()
    ]
    told += [str(collector.collected_assets)]
    assert situation != "works" or f"/transactions/cashIn/{DAY}" in told[-1]
    told += [f"{one.name} {one.getMessage()} {one.args} {one.exc_text} {vars(one)}" for one in caplog.records]
    assert any(one.name == "asyncio" and one.levelno == logging.DEBUG for one in caplog.records)
    assert bool(proxy.heads) is (situation == "proxied")
    told += [caplog.text, *capfd.readouterr(), *database(), *files(Path(os.environ["AIRFLOW_HOME"]))]
    everything = "\n".join(told)
    assert f"rendered_task_instance_fields: {name}" in everything
    assert "every_task" in everything
    assert_hidden(told, gateway.card)
