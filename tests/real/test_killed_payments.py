# SPDX-License-Identifier: Apache-2.0
"""Payments whose task process is killed by SIGKILL at chosen moments, in a whole Airflow that retries them."""

import random
import time
from collections import Counter

import pytest
from killed_run import DAG, DAG_ID, SEED, KilledRun
from payment_killer import BEFORE_POST, MOMENTS, POSTED, Killer, plan_kills, process_of

from airflow_provider_sengo.simulator.exchange import Exchange


@pytest.fixture(scope="module")
def killed(real_airflow, gateway):
    began = time.monotonic()
    rng = random.Random(SEED)
    plans, hidden = plan_kills(rng)
    folder = real_airflow.home / "kills"
    folder.mkdir()
    token = gateway.world.senangpay.issue_token()
    card = {"connection_id": "killed_card", "conn_type": "generic", "password": token}
    real_airflow.api("POST", "connections", card)
    text = DAG.format(folder=str(folder), dag_id=DAG_ID, tasks=list(plans))
    (real_airflow.dags / "killed_payments.py").write_text(text)
    run = KilledRun(real_airflow, gateway.world, plans, hidden)
    run.token = token
    finish = Exchange.finish
    with Killer(folder, gateway.world, plans, hidden, rng) as killer:
        Exchange.finish = killer.around(finish)
        try:
            run.run_id = real_airflow.trigger(DAG_ID)
            real_airflow.wait_for_run(DAG_ID, run.run_id)
        finally:
            Exchange.finish = finish
            _report(run, killer, time.monotonic() - began)
    run.kills = killer.kills
    run.undelivered = {task: list(due) for task, due in killer.due.items() if due}
    return run


def _report(run, killer, took_s):
    states = run.states() if run.run_id else {}
    for gateway in ("QRIS", "CARD"):
        tasks = run.tasks(gateway)
        ended = Counter((states.get(task, ("none", 0))[0], len(run.paid(task))) for task in tasks)
        kills = Counter(moment for task, moment, process in killer.kills if process and task in tasks)
        missed = Counter(moment for task, moment, process in killer.kills if not process and task in tasks)
        tries = Counter(states.get(task, ("none", 0))[1] for task in tasks)
        print(f"\n{gateway}: {len(tasks)} tasks, kills {dict(kills)}, too late {dict(missed)}")
        print(f"{gateway}: (state, payments) {dict(ended)}, tries {dict(tries)}")
    print(f"seed {SEED}, {took_s:.0f} s, never due {[task for task, due in killer.due.items() if due]}")


def test_every_task_was_killed_as_planned(killed):
    """Each moment's kills hit a living process, at least twenty tasks of each gateway; each took one try."""
    landed = [(task, moment) for task, moment, process in killed.kills if process]
    for gateway in ("QRIS", "CARD"):
        hit = [(task, moment) for task, moment in landed if task[4:8] == gateway]
        assert len({task for task, _ in hit}) >= 20
        assert {moment for _, moment in hit} >= set(MOMENTS) - {"around_xcom"}
    assert not killed.undelivered
    states = killed.states()
    for task, moments in killed.plans.items():
        tries = {1 + sum(one == task for one, _ in landed)}
        if "around_xcom" in moments:
            tries.add(1 + sum(one == (task, moment) for moment in moments[:-1] for one in landed))
        assert states[task][1] in tries, (task, moments, states[task], killed.last_log(task)[-3000:])


def test_a_killed_qris_payment_is_made_once_and_ends_well(killed):
    """Wherever its process was killed, the retry ends in success with the one payment's id."""
    states = killed.states()
    for task in killed.tasks("QRIS"):
        assert states[task][0] == "success", (task, killed.plans[task], killed.last_log(task)[-2000:])
        assert len(killed.paid(task)) == 1, (task, killed.plans[task])
        killed.assert_told_truly(task, "success")


def test_a_killed_charge_is_made_at_most_once_and_never_guessed(killed):
    """Killed before the mark: charged by the retry. After: found by the query, or a person is asked."""
    states = killed.states()
    for task in killed.tasks("CARD"):
        state, moments = states[task][0], set(killed.plans[task])
        killed.assert_told_truly(task, state)
        if moments <= set(BEFORE_POST):
            assert state == "success", (task, moments)
        elif moments & set(POSTED):
            assert len(killed.paid(task)) == 1, (task, moments)
            assert state == ("failed" if task in killed.hidden else "success"), (task, moments)
        elif "post_lost" in moments:
            assert (state, killed.paid(task)) == ("failed", []), (task, moments)


def test_clearing_the_finished_tasks_pays_nothing_again(killed, real_airflow):
    """A clear of every task, green and red, runs them all again and adds no payment."""
    before = {task: killed.paid(task) for task in killed.plans}
    tries = {task: number for task, (_, number) in killed.states().items()}
    attempts = len(killed.world.senangpay.attempts())
    body = {"dry_run": False, "dag_run_id": killed.run_id, "only_failed": False, "reset_dag_runs": True}
    real_airflow.api("POST", f"dags/{DAG_ID}/clearTaskInstances", body)
    real_airflow.wait_for_run(DAG_ID, killed.run_id)
    states = killed.states()
    print("\nafter the clear:", dict(Counter((task[4:8], state) for task, (state, _) in states.items())))
    assert {task: killed.paid(task) for task in killed.plans} == before
    assert len(killed.world.senangpay.attempts()) == attempts
    for task, (state, number) in states.items():
        assert number > tries[task], "it ran again"
        killed.assert_told_truly(task, state)
        if task.startswith("KILLQRIS"):
            assert state == "success", task


def test_no_killed_process_is_left_and_no_log_holds_the_card(killed, real_airflow):
    """Every process that was killed is gone, and its card token stands in no log."""
    left = [process for _, _, process in killed.kills if process and process_of(process[0]) == process]
    assert not left
    text = real_airflow.log_texts()
    assert "Process terminated by signal" in text
    assert killed.token not in text
