# SPDX-License-Identifier: Apache-2.0
"""The identity that a task gives its payment: the same however often it runs, another for another payment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sengo.protocol.identity import DIGITS, derive_identity
from airflow_provider_sengo.protocol.senangpay_arguments import checked_order_id
from airflow_provider_sengo.protocol.sengo_arguments import checked_reference

TASK = {
    "namespace": "sengo",
    "conn_id": "sengo_default",
    "dag_id": "shop",
    "run_id": "manual__2026-11-20T03:00:00+00:00",
    "task_id": "pay",
    "attempt": "1",
}


def test_an_identity_never_changes_between_releases() -> None:
    """A task that is cleared after an upgrade must find the payment that it made before."""
    assert derive_identity(**TASK) == "AFe7d067cd7ae7d0523bafec9569e5c3afd18d9c72"


@pytest.mark.parametrize("name", TASK)
def test_each_part_makes_another_payment(name: str) -> None:
    """Another connection, run or attempt is another payment; so is a name that only resembles."""
    for other in ("", TASK[name] + " ", TASK[name] + "1"):
        assert derive_identity(**TASK | {name: other}) != derive_identity(**TASK)


@given(st.lists(st.text(st.sampled_from('ab",[]\\'), max_size=4), min_size=6, max_size=6), st.integers(0, 4))
def test_what_moves_over_to_the_next_part_is_another_payment(parts: list[str], at: int) -> None:
    """The parts are not just joined: ``a`` and ``bc`` is not ``ab`` and ``c``."""
    moved = [*parts]
    moved[at], moved[at + 1] = "", parts[at] + parts[at + 1]
    same = moved == parts
    one, other = (derive_identity(**dict(zip(TASK, each, strict=True))) for each in (parts, moved))
    assert (one == other) is same


@given(st.text(), st.text())
def test_an_identity_fits_either_gateway(dag_id: str, run_id: str) -> None:
    """As a SenGo reference and as a senangPay order id, whatever the names in Airflow are."""
    identity = derive_identity(**TASK | {"dag_id": dag_id, "run_id": run_id})
    assert len(identity) == len("AF") + DIGITS
    assert checked_reference(identity) == checked_order_id(identity) == identity
