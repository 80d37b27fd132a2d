# SPDX-License-Identifier: Apache-2.0
"""The QR page, by tasks that ran for real: what it shows, when it loads itself again, and to whom."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator
from archive_maker import NOW

from airflow_provider_sengo.operators.sengo import SenGoCreateQrisOperator
from airflow_provider_sengo.qr_image import qr_svg

LATIN = "Lorem ipsum dolor sit amet, consectetur adipiscing elit"  # what the sandbox sends as a code
TOLD = {
    "id": "tx-1",
    "reference": "INV-<b>1</b>",
    "content": LATIN,
    "amount": 25000,
    "total": 25175,
    "expires_at": (NOW + timedelta(minutes=12, seconds=30)).isoformat(),
}


class Tell(BaseOperator):
    """Pushes what it is given, as the task of a payment would."""

    def __init__(self, *, qris: Any = None, returned: Any = None, fails: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.qris, self.returned, self.fails = qris, returned, fails

    def execute(self, context: Any) -> Any:
        if self.qris is not None:
            context["ti"].xcom_push(key="qris", value=self.qris)
        if self.fails:
            raise RuntimeError("the gateway is down")
        return self.returned


@pytest.fixture
def show(run_dag, ask, request):
    """Run a task that tells so, and show its page."""

    def run(qris: Any = None, returned: Any = None, *, fails: bool = False, **query: Any) -> str:
        name = re.sub(r"\W+", "_", request.node.name)
        with DAG(f"qr_{name}", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
            Tell(task_id="pay", qris=qris, returned=returned, fails=fails)
        made = run_dag(dag)
        return ask("qr", dag_id=made.dag_id, run_id=made.run_id, task_id="pay", **query)

    return run


def told(text: str) -> dict[str, str]:
    """Label -> value."""
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", text))


def drawn(text: str) -> str | None:
    """The drawing inside the page."""
    found = re.search(r'<img class="qr" src="data:image/svg\+xml;base64,([^"]+)"', text)
    return base64.b64decode(found[1]).decode() if found else None


def reloads(text: str) -> bool:
    return '<meta http-equiv="refresh" content="5">' in text


def test_the_code_is_shown_with_what_it_costs_and_how_long(show):
    """An odd text gives a code as well; nothing in it is trusted."""
    text = show(TOLD, {"id": "tx-1", "status": "pending"})
    assert drawn(text) == qr_svg(LATIN)
    assert "<h1>Rp\N{NO-BREAK SPACE}25,175</h1>" in text  # what the customer pays
    assert "Rp\N{NO-BREAK SPACE}25,000 and the fee" in text
    facts = told(text)
    assert facts["Time left"] == "12 min 30 s"
    assert facts["Expires"] == "2026-11-22 14:22:30"
    assert facts["Transaction"] == "tx-1"
    assert facts["Task"] == "success"
    assert facts["Payment, when the task last looked"] == "pending"
    assert "INV-&lt;b&gt;1&lt;/b&gt;" in text
    assert "<b>1</b>" not in text
    assert 'class="verdict' not in text
    assert 'href="../dags/qr_' in text
    assert reloads(text)


def test_it_stops_loading_again_when_told_so(show):
    """Whoever uses a screen reader is not thrown back to the top every few seconds."""
    text = show(TOLD, reload="off")
    assert not reloads(text)
    assert "Load it again every few seconds" in text
    assert "reload=off" in show(TOLD)


def test_a_paid_payment_has_no_code(show):
    """Only the word that the task returned for this very payment counts."""
    text = show(TOLD, {"id": "tx-1", "status": "success"})
    assert '<p class="verdict paid">Paid</p>' in text
    assert drawn(text) is None
    assert not reloads(text)


@pytest.mark.parametrize(
    "returned",
    [
        None,
        "success",
        ["success"],
        {"id": "tx-2", "status": "success"},
        {"status": "success"},
        {"id": "tx-1", "status": "SUCCESS"},
        {"id": "tx-1", "status": True},
        {"id": "tx-1", "status": "paid?"},
    ],
)
def test_nothing_else_counts_as_paid(show, returned):
    """Another payment's word, an unknown one, or none."""
    text = show(TOLD, returned)
    assert "verdict" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)
    assert drawn(text) is not None


@pytest.mark.parametrize("status", ["expired", "failed"])
def test_a_payment_that_the_gateway_has_closed_has_no_code(show, status):
    """The gateway's word, as the task saw it last."""
    text = show(TOLD, {"id": "tx-1", "status": status})
    assert f"{status.capitalize()}. It can no longer be paid." in text
    assert drawn(text) is None
    assert not reloads(text)


def test_a_code_whose_time_is_over_is_not_shown(show):
    """Nobody should scan it any more; whether somebody has paid it is another question."""
    text = show({**TOLD, "expires_at": (NOW - timedelta(seconds=1)).isoformat()})
    assert "The code's time is over." in text
    assert "Whether it was paid is not known here" in text
    assert "can no longer be paid" not in text
    assert drawn(text) is None
    assert "Time left" not in told(text)
    assert not reloads(text)


def test_a_failed_task_still_shows_its_code(show):
    """The payment exists, whatever became of the task."""
    text = show(TOLD, fails=True)
    assert drawn(text) is not None
    assert told(text)["Task"] == "failed"


@pytest.mark.parametrize("qris", [None, "text", [1, 2], 7, {}])
def test_a_task_without_a_payment_says_so(show, qris):
    """An XCom that is no payment is none, or one without facts."""
    text = show(qris)
    if qris == {}:
        assert "The payment came without the text of a QR code." in text
    else:
        assert "No QR code yet" in text
        assert "its log says what happened" in text
        assert not reloads(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("content", ""), ("content", None), ("content", 7), ("content", "x" * 600), ("content", "   ")),
        *(("amount", 1.5), ("amount", "1"), ("amount", None), ("amount", True), ("total", [])),
        *(
            ("expires_at", "tomorrow"),
            ("expires_at", None),
            ("expires_at", 7),
            ("expires_at", "2026-11-22T10:00"),
        ),
        *(("id", None), ("reference", None), ("reference", {})),
    ],
)
def test_an_odd_field_is_no_error(show, field, value):
    """What does not fit is left blank."""
    text = show({**TOLD, field: value})
    assert ("No code can be drawn." in text) is (field == "content")
    assert ("Time left" in told(text)) is (field != "expires_at")


def test_an_unknown_task_run_is_told(ask):
    """Deleted, or never there."""
    text = ask("qr", dag_id="nobody", run_id="x' --", task_id="<b>")
    assert "No such task run" in text
    assert "<b>" not in text
    assert not reloads(text)


@pytest.mark.parametrize(
    "query",
    [{}, {"dag_id": "d"}, {"map_index": "x"}, {"map_index": -2}, {"task_id": ""}, {"run_id": "r" * 300}],
)
def test_an_address_that_lacks_something_is_refused(ask, query):
    """With the names of what is odd in it."""
    whole = {"dag_id": "d", "run_id": "r", "task_id": "t"} if query and "dag_id" not in query else {}
    assert "not understood" in ask("qr", status=400, **{**whole, **query})


def test_the_real_task_leads_to_its_page(run_dag, ask, client, sengo_simulator, monkeypatch):
    """The operator's own link, as Airflow keeps it, opens the page with the payment at the gateway."""
    connection = sengo_simulator.sengo_connection(callback_url="https://shop.example/paid")
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", connection)
    with DAG("qr_for_real", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        SenGoCreateQrisOperator(task_id="pay", amount=12000, view_name="Warung", reference="INV-2026-1")
    run = run_dag(dag)
    (ti,) = run.get_task_instances()
    link = ti.xcom_pull(task_ids="pay", key="_link_QrisPageLink")
    answer = client.get(link)
    assert answer.status_code == 200
    facts = told(answer.text)
    assert facts["Reference"] == "INV-2026-1"
    (row,) = [row for row in sengo_simulator.world.ledger() if row["reference"] == "INV-2026-1"]
    assert facts["Transaction"] == row["id"]
    assert "Rp\N{NO-BREAK SPACE}12,000 and the fee" in answer.text
