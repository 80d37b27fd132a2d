# SPDX-License-Identifier: Apache-2.0
"""Deferred waits in a whole Airflow whose parts are killed, on SQLite and on PostgreSQL.

What each DAG waits for is in ``deferred_runs``.
"""

import json
import re
import time
from collections import Counter

import pytest
from airflow_parts import AirflowParts
from deferred_runs import (
    DAGS,
    EACH,
    MANY,
    MANY_ONES,
    MARKED,
    NAMES,
    SHORT,
    SHORT_ONES,
    SURVIVE,
    Waits,
    key_of,
    plan_waits,
    token_of,
)

from airflow_provider_sengo.simulator import Simulator

SQLITE_ONLY = pytest.mark.parametrize("parts", ["sqlite"], indirect=True)
ON_BOTH = pytest.mark.parametrize("parts", ["sqlite", "postgresql"], indirect=True)
# What asyncio, aiohttp and Airflow say of something left behind, blocked or broken.
COMPLAINTS = (
    "Traceback (most recent call last)",
    "DeadlockImminentError",
    "Unclosed",
    "was destroyed but it is pending",
    "exception was never retrieved",
    "was never awaited",
    "[error ",
    '"level":"error"',
)
HELD_UP_S = 1.0  # a request that blocks takes as long as the gateway; a busy machine's hiccup does not


@pytest.fixture(scope="module")
def parts(request, tmp_path_factory):
    """The parts of an Airflow on the database that the test names, with a simulator of its own."""
    home = tmp_path_factory.mktemp(request.param)
    environment = {}
    if request.param == "postgresql":
        environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = request.getfixturevalue("postgres").url
    credentials = {key_of(name): token_of(name) for name in NAMES}
    with Simulator(per_day=20, requests_kept=50_000, extra_credentials=credentials) as simulator:
        for name in NAMES:
            connection = {"conn_type": "sengo", "host": simulator.base_url}
            connection |= {"login": key_of(name), "password": token_of(name)}
            environment[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(connection)
        airflow = AirflowParts(home, environment)
        airflow.world = simulator.world
        airflow.plans = plan_waits(simulator.world)
        (home / "visits").mkdir()
        text = DAGS.format(folder=str(home / "visits"), plans=airflow.plans, held=SHORT)
        (airflow.dags / "deferred_waits.py").write_text(text)
        try:
            airflow.start()
            yield airflow
        finally:
            airflow.stop()


@pytest.fixture
def begin(parts):
    return lambda name: Waits(parts, name)


@SQLITE_ONLY
def test_many_waits_in_one_triggerer_cost_few_requests(begin, parts):
    """Fifty waits go on through a restart of their triggerer, and end rightly when paid."""
    many = begin(MANY)
    many.until_deferred()
    before, began = len(many.requests()), time.monotonic()
    parts.stop_part("triggerer")
    parts.start_part("triggerer")
    parts.wait_until_healthy("triggerer")
    many.pay(many.tasks)
    many.until(lambda: "deferred" not in many.states().values(), "not all have ended")
    looks, waited_s = many.requests()[before:], time.monotonic() - began
    assert parts.wait_for_run(MANY, many.run_id)["state"] == "success"
    by_triggerer = dict(Counter(one["endpoint"] for one in looks))
    many.report(f"of these by the triggerer {by_triggerer} in {waited_s:.0f} s")
    assert len(looks) < MANY_ONES * waited_s / many.plan["every_s"] / 3, "a third of asking one by one"
    for task in many.tasks:
        many.assert_ended_rightly(*task)
        assert many.ends(*task) == 1


@SQLITE_ONLY
def test_a_wait_that_is_marked_failed_leaves_nobody_waiting(begin, parts):
    """No request is made for it any more, the others go on, and its payment is not touched."""
    marked = begin(MARKED)
    marked.until_deferred()
    marked.until_asked_for(marked.tasks, 2, after=marked.requests()[-1]["number"])
    failed = [("pay", 0), ("wait", 0)]
    others = [task for task in marked.tasks if task not in failed]
    for task, index in failed:
        parts.api("PATCH", f"{marked.path}/taskInstances/{task}/{index}", {"new_state": "failed"})
    marked.until(lambda: all("ended by hand" in marked.log_of(*task) for task in failed), "the waits go on")
    since = marked.requests()[-1]["number"]
    marked.until_asked_for(others, 5, after=since)
    assert [marked.asked_for(since)[task] for task in failed] == [0, 0]
    marked.pay(marked.tasks)
    assert parts.wait_for_run(MARKED, marked.run_id)["state"] == "failed"
    marked.report()
    assert [marked.asked_for(since)[task] for task in failed] == [0, 0]
    assert [marked.states()[task] for task in failed] == ["failed", "failed"]
    assert marked.posts() == 2
    for task in others:
        marked.assert_ended_rightly(*task)


@SQLITE_ONLY
def test_no_wait_is_left_and_no_log_complains(parts):
    """After waits of every kind there is no trigger, nothing unclosed, no error."""
    parts.until(lambda: parts.rows("select count(*) from trigger") == [(0,)], 30, "triggers are left")
    texts = {path: path.read_text(errors="replace") for path in parts.home.rglob("*.log")}
    assert sum("Pausing task as DEFERRED" in text for text in texts.values()) >= MANY_ONES
    for path, text in texts.items():
        for complaint in COMPLAINTS:
            where = text.find(complaint)
            assert where < 0, (path, text[max(0, where - 1000) : where + 3000])
    blocked = re.findall(r"async thread was blocked for ([\d.]+) seconds", parts.part_log("triggerer"))
    print(f"\nthe triggerer's event loop was held up for {blocked} s")
    assert all(float(seconds) < HELD_UP_S for seconds in blocked)


@ON_BOTH
def test_a_short_deferral_makes_no_second_payment(begin, parts):
    """Paid at once, and Airflow made to fail tasks by mistake: it hears of a first visit during the second.

    A worker's report that the task has deferred is often five seconds late. The second visit of each task is
    held until every such report was read, so that the late ones meet a running task; its try goes on beside
    the next one.
    """
    short = begin(SHORT)
    reported = (
        f"Received executor event with state success for task instance TaskInstanceKey(dag_id='{SHORT}'"
    )

    def pay_and_look():
        for reference in short.plan["pay"]:
            for row in parts.world.payments(reference, key=short.key):
                if row["status"] == "pending":
                    parts.world.pay(reference, key=short.key)
        if parts.part_log("scheduler").count(reported) >= SHORT_ONES:
            (parts.home / "visits" / "let_go").touch()
        return parts.api("GET", short.path)["state"] in ("success", "failed")

    short.until(pay_and_look, "the run does not end")
    mistakes = parts.part_log("scheduler").count("finished with state success, but the task instance's state")
    short.report(f"tasks failed by mistake: {mistakes}")
    assert parts.api("GET", short.path)["state"] == "success"
    assert short.posts() == SHORT_ONES
    for task in short.tasks:
        short.assert_ended_rightly(*task)
        begun = [visit for visit in short.visits(*task) if visit.startswith("begin")]
        assert len(begun) >= 2, (
            "it was deferred, and resumed, in that try or, after a mistake, in a later one"
        )


@ON_BOTH
def test_waits_live_through_sigkills_of_triggerer_and_scheduler(begin, parts):
    """Killed while they wait, while they are paid and while they end: each ends once, with one payment."""
    survive = begin(SURVIVE)
    survive.until_deferred()
    early, late = survive.tasks[::2], survive.tasks[1::2]
    began = survive.requests()[-1]["number"]
    survive.until(lambda: len(survive.requests(began)) >= 2, "the triggerer does not ask")

    def some_run(tasks):
        states = survive.states()
        return any(states[task] not in ("deferred", "scheduled") for task in tasks)

    parts.kill_part("triggerer")
    survive.pay(early)
    parts.kill_part("scheduler")
    parts.start_part("triggerer")
    survive.until(lambda: {survive.states()[task] for task in early} == {"scheduled"}, "no event came")
    parts.start_part("scheduler")
    survive.until(lambda: some_run(early), "nothing is resumed")
    parts.kill_part("scheduler")  # its tasks die with it
    survive.pay(late)
    parts.kill_part("triggerer", with_children=False)
    parts.start_part("scheduler")
    parts.start_part("triggerer")
    survive.until(lambda: some_run(late), "nothing is resumed")
    parts.kill_part("scheduler", with_children=False)  # its tasks go on without it
    parts.start_part("scheduler")
    assert parts.wait_for_run(SURVIVE, survive.run_id)["state"] == "success"
    survive.report()
    assert survive.posts() == EACH
    for task in survive.tasks:
        survive.assert_ended_rightly(*task)
        assert survive.ends(*task) <= 1  # none where the process was killed right after the end
    parts.until(lambda: parts.rows("select count(*) from trigger") == [(0,)], 30, "triggers are left")


@ON_BOTH
def test_no_log_holds_a_token(parts):
    text = parts.log_texts()
    assert "Pausing task as DEFERRED" in text
    for name in NAMES:
        assert token_of(name) not in text
    assert "DeadlockImminentError" not in text
