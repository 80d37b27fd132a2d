# SPDX-License-Identifier: Apache-2.0
"""Which payment a task means: given or derived, kept across retries, never shared by two."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_sengo.operators.senangpay import SenangPayChargeTokenOperator
from airflow_provider_sengo.operators.sengo import SenGoCreateProjectOperator, SenGoCreateQrisOperator

CALLBACK = "https://shop.example/paid"
BUYER = {"name": "Siti Nurhaliza", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}
NAMESPACE = "AIRFLOW__SENGO__REFERENCE_NAMESPACE"
needs_store = pytest.mark.needs_airflow("3.3", "the task state store")


class Store(dict):
    """A task state store; what is set for ever is in ``for_ever``."""

    def __init__(self):
        super().__init__()
        self.for_ever = set()
        self.broken = False

    def set(self, key, value, *, retention=None):
        if self.broken:
            raise RuntimeError("the store is down")
        from airflow.sdk import NEVER_EXPIRE

        self[key] = value
        if retention is NEVER_EXPIRE:
            self.for_ever.add(key)

    def delete(self, key):
        self.pop(key, None)


@pytest.fixture(autouse=True)
def world(simulator, monkeypatch):
    """Two connections to an empty gateway, and a namespace."""
    sengo = simulator.sengo_connection(max_attempts=1, callback_url=CALLBACK)
    monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", sengo)
    monkeypatch.setenv("AIRFLOW_CONN_SENANGPAY_DEFAULT", simulator.senangpay_connection(max_attempts=1))
    monkeypatch.setenv(NAMESPACE, "shop-a")
    simulator.world.reset()
    simulator.world.requests().clear()
    return simulator.world


def context(*, map_index=-1, try_number=1, cleared=0, store=None, task_id="pay", run_id="manual__1"):
    ti = SimpleNamespace(
        dag_id="shop", run_id=run_id, task_id=task_id, map_index=map_index, try_number=try_number
    )
    ti.xcom_push = lambda key, value: None
    run = SimpleNamespace(run_after=datetime.now(UTC), clear_number=cleared)
    made = {"ti": ti, "dag_run": run}
    return made if store is None else made | {"task_state_store": store}


def qris(**more):
    return SenGoCreateQrisOperator(**{"task_id": "pay", "amount": 10000, "view_name": "Shop"} | more)


def charge(token, **more):
    fields = {"task_id": "pay", "amount_sen": 2450, "token": token, "reconcile_timeout_s": 0}
    return SenangPayChargeTokenOperator(**fields | BUYER | more)


def references(world):
    return [row["reference"] for row in world.ledger()]


def test_a_derived_reference_stays_the_same_and_differs_by_everything_that_matters(world):
    """Retry and clear mean the same payment; another run, task, deployment or attempt means another."""
    first = qris().execute(context())
    assert qris().execute(context(try_number=7, cleared=2))["id"] == first["id"]
    assert len(references(world)) == 1
    qris().execute(context(run_id="manual__2"))
    qris().execute(context(task_id="other"))
    qris(attempt="2").execute(context())
    assert len(set(references(world))) == len(references(world)) == 4


def test_two_deployments_do_not_adopt_each_others_payment(world, monkeypatch):
    """The same DAG, run and task under two namespaces are two payments and two charges."""
    token = world.senangpay.issue_token()
    made = []
    for namespace in ("shop-a", "shop-b"):
        monkeypatch.setenv(NAMESPACE, namespace)
        made += [qris().execute(context())["id"], charge(token).execute(context())["order_id"]]
    assert len(set(made)) == len(world.charges()) + len(references(world)) == 4


@pytest.mark.parametrize(
    "base_url", ["", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080/af"]
)
@pytest.mark.parametrize("has_store", [True, False])
def test_without_a_namespace_nothing_is_derived(base_url, has_store, world, monkeypatch):
    """A missing or loopback base_url would be the same in two deployments: the setting is named."""
    monkeypatch.delenv(NAMESPACE)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    store = Store() if has_store else None
    for operator, field in ((qris(), "reference"), (charge("token1"), "order_id")):
        with pytest.raises(ValueError, match=rf"{field}.*\[sengo\] reference_namespace") as caught:
            operator.execute(context(store=store))
        assert "[api] base_url" in str(caught.value)
    assert world.requests().total == 0
    assert not store


def test_a_public_base_url_is_a_namespace(world, monkeypatch):
    """With or without a slash at its end it is the same one."""
    monkeypatch.delenv(NAMESPACE)
    for base_url in ("https://airflow.example", "https://airflow.example/", "https://airflow.example/b"):
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
        qris().execute(context())
    assert len(references(world)) == 2


@needs_store
def test_another_attempt_pays_again_once(world):
    """However often each attempt runs, it is one payment and one charge; 2 and "2" are one attempt."""
    token = world.senangpay.issue_token()
    store = Store()
    for attempt in ("1", "2", "1", "2", 2, 1):
        for kept in (store, None):
            qris(attempt=attempt).execute(context(store=kept))
        charge(token, attempt=attempt).execute(context(store=store))
    assert len(references(world)) == len(world.charges()) == 2


@pytest.mark.parametrize("attempt", ["", " ", "2 ", "None", None, True, 1.5])
def test_an_attempt_that_rendered_to_nothing_is_refused(attempt, world):
    """An empty attempt would be yet another payment."""
    with pytest.raises(ValueError, match=r"^attempt: "):
        qris(attempt=attempt).execute(context())
    assert world.requests().total == 0


def test_a_given_reference_has_no_attempts(world):
    """To pay again under a name of one's own, another name is given."""
    with pytest.raises(ValueError, match=r"^attempt: .*give a new reference"):
        qris(reference="INV-1", attempt="2").execute({})
    with pytest.raises(ValueError, match=r"^attempt: .*give a new order_id"):
        charge("token1", order_id="ORD1", attempt="2").execute({})
    assert world.requests().total == 0


@pytest.mark.parametrize("word", ["None", "nan", "null"])
def test_the_word_for_none_is_no_reference(word, world):
    """Orders without a number would otherwise all share the payment named None."""
    with pytest.raises(ValueError, match=r"^reference: was given, but its template rendered no value"):
        qris(reference=word).execute(context())
    with pytest.raises(ValueError, match=r"^order_id: was given, but its template rendered no value"):
        charge("token1", order_id=word).execute(context())
    assert world.requests().total == 0


def test_an_empty_context(world):
    """Without a task instance a given reference works, and none is derived."""
    assert qris(reference="INV-1").execute({})["merchant_ref"] == "INV-1"
    world.requests().clear()
    with pytest.raises(ValueError, match=r"^reference is missing: without a running task"):
        qris().execute({})
    with pytest.raises(ValueError, match=r"^order_id is missing: without a running task"):
        charge("token1").execute({})
    assert world.requests().total == 0


def test_a_charge_without_a_task_instance_is_only_looked_up(world):
    """It is not known whether it was sent before, so it is never sent."""
    with pytest.raises(AirflowFailException, match=r"order ORD1: .*Look the order up"):
        charge(world.senangpay.issue_token(), order_id="ORD1").execute({})
    assert world.charges() == []


@pytest.mark.parametrize("index", [0, 3])
def test_a_mapped_task_must_be_given_its_payment(index, world):
    """A map index names another customer once the list changes."""
    for operator, field in ((qris(), "reference"), (charge("token1"), "order_id")):
        with pytest.raises(ValueError, match=f"^{field} is missing: a mapped task must be given one"):
            operator.execute(context(map_index=index))
    assert world.requests().total == 0


@needs_store
def test_the_stored_identity_is_kept_before_the_first_call_and_wins(world, monkeypatch):
    """A namespace or connection renamed between two tries changes nothing."""
    store = Store()
    world.set_fault("http_500", endpoint="GET /check", at=(1,))
    with pytest.raises(Exception, match="500"):
        qris().execute(context(store=store))
    assert list(store) == ["reference:1"]
    assert store.for_ever == {"reference:1"}
    monkeypatch.setenv(NAMESPACE, "renamed")
    payment = qris().execute(context(store=store, try_number=2))
    assert payment["merchant_ref"] == store["reference:1"]
    store["reference:1"] = "KEPT-BY-AN-OLDER-VERSION"
    assert qris().execute(context(store=store))["merchant_ref"] == "KEPT-BY-AN-OLDER-VERSION"


@needs_store
def test_a_store_that_cannot_be_written_sends_nothing(world):
    """Neither an identity nor a mark is worth anything if it is not kept."""
    store = Store()
    store.broken = True
    token = world.senangpay.issue_token()
    project = SenGoCreateProjectOperator(
        task_id="pay", name="Shop", domain="https://shop.example", ip=["203.0.113.0/24"]
    )
    for operator in (qris(), charge(token), charge(token, order_id="ORD1"), project):
        with pytest.raises(RuntimeError, match="the store is down"):
            operator.execute(context(store=store))
    assert {name for name in world.requests().by_endpoint if name.startswith("POST")} == set()


@needs_store
def test_the_mark_is_kept_before_the_charge_is_sent(world, monkeypatch):
    """The store has it, for ever, when the request arrives; a charge that was not sent takes it back."""
    store, token = Store(), world.senangpay.issue_token()
    seen = []
    keep = store.set

    def note(key, value, **options):
        seen.append((key, value, world.requests().by_endpoint["POST /apiv1/pay_cc"]))
        keep(key, value, **options)

    monkeypatch.setattr(store, "set", note)
    charge(token, order_id="ORD1").execute(context(store=store))
    assert seen == [("sent:charge:ORD1", "0", 0), ("sent:charge:ORD1", "1", 0)]
    assert store.for_ever == {"sent:charge:ORD1"}
    assert len(world.charges("ORD1")) == 1
