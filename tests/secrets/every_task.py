# SPDX-License-Identifier: Apache-2.0
"""Every operator, sensor and trigger of the package, as provider info names them, and how to make each.

A new one that has no recipe here fails a test, so that none can be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger

from airflow_provider_sengo.get_provider_info import get_provider_info

CARD = "{{ var.value.buyers_card }}"  # how the README has users give a card token
LOOK_S = 0.05

Recipes = dict[str, list[dict[str, Any]]]


def public_classes() -> dict[str, type]:
    """Name -> class of what users can import from the modules in provider info, operators and triggers alike."""
    info = get_provider_info()
    found: dict[str, type] = {}
    for kind in ("operators", "sensors", "triggers"):
        for entry in info[kind]:
            for module in map(import_module, entry["python-modules"]):
                found |= {name: value for name, value in vars(module).items() if _is_public(name, value)}
    return found


def _is_public(name: str, value: object) -> bool:
    ours = isinstance(value, type) and value.__module__.startswith("airflow_provider_sengo.")
    usable = ours and issubclass(value, BaseOperator | BaseTrigger)
    abstract = bool(getattr(value, "__abstractmethods__", ())) or name in (
        "SenGoTask",
        "ArchiveTask",
        "WaitingSensor",
    )
    return usable and not abstract and not name.startswith("_")


def task_recipes(archive_uri: str, day: str) -> Recipes:
    """Class -> the arguments of each of its tasks."""
    archive = {"archive_uri": archive_uri}
    buyer = {"name": "Siti", "email": "siti@example.my", "detail": "Order", "phone": "0123456789"}
    charge = {**buyer, "amount_sen": 2450, "token": CARD, "reconcile_timeout_s": 10}
    wait = {"poke_interval": LOOK_S, "timeout": 1}
    return {
        "SenGoPlanArchiveOperator": [archive],
        "SenGoArchiveDayOperator": [{"day": day, "type": "cashIn", **archive}],
        "SenGoCheckArchiveOperator": [archive],
        "SenGoArchiveUpkeepOperator": [archive],
        "SenGoGetBalanceOperator": [{}],
        "SenGoGetTransactionOperator": [{"transaction_id": "PAID-1"}, {"transaction_id": "UNKNOWN-1"}],
        "SenGoCreateQrisOperator": [
            {"amount": 10_000, "view_name": "Shop", "reference": "INV-1"},
            {"amount": 10_000, "view_name": "Shop", "reference": "INV-2", "wait_for_payment": True}
            | {"deferrable": True, "poll_interval": LOOK_S, "timeout": 1},
        ],
        "SenGoCreateProjectOperator": [{"name": "S", "domain": "https://s.example", "ip": ["203.0.113.7"]}],
        "SenangPayChargeTokenOperator": [{**charge, "order_id": "ORD1"}, {**charge, "order_id": "a-b"}],
        "SenangPayValidateTokenOperator": [{"token": CARD}],
        "SenangPaySetTokenStatusOperator": [{"token": CARD, "enabled": True}],
        "SenangPayQueryOrderOperator": [{"order_id": "ORD0"}],
        "SenGoTransactionSensor": [
            {"transaction_id": "PAID-1", **wait},
            {"transaction_id": ["PAID-1", "NEVER-1"], "deferrable": True, **wait},
        ],
        "SenangPayOrderSensor": [
            {"order_id": "ORD0", "amount_sen": 2450, **wait},
            {"order_id": "ORD9", "amount_sen": 2450, "deferrable": True, **wait},
        ],
    }


def trigger_recipes(deadline: str) -> Recipes:
    """Class -> the arguments of each of its triggers, made to end soon."""
    wait = {"poke_interval": LOOK_S, "deadline": deadline}
    return {
        "SenGoTransactionTrigger": [
            {"transaction_id": "PAID-1", **wait},
            {"transaction_id": "NEVER-1", **wait},
        ],
        "SenangPayOrderTrigger": [{"order_id": "ORD0", "amount_sen": 2450, **wait}],
        "SenGoPaymentsEventTrigger": [{"poll_interval": LOOK_S, "lookback": 864_000.0, "errors_max": 1}],
    }


def make_tasks(recipes: Recipes) -> Iterator[tuple[str, BaseOperator]]:
    """Task id and task, in the Dag that is being defined."""
    classes = public_classes()
    for name, variants in recipes.items():
        for number, arguments in enumerate(variants):
            task_id = f"{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', name).lower()}_{number}"
            yield task_id, classes[name](task_id=task_id, **arguments)
