# SPDX-License-Identifier: Apache-2.0
"""SenGo and senangPay on loopback, with faults, drift, odd rows and a clock of their own: a witness.

It shares no code with the rest of this package, so that it can't share its mistakes. In a test::

    from airflow_provider_sengo.simulator import Simulator

    with Simulator(per_day=20, now="2026-11-20T10:00:00+07:00", frozen=True) as simulator:
        monkeypatch.setenv("AIRFLOW_CONN_SENGO_DEFAULT", simulator.sengo_connection())
        simulator.world.set_fault("cut_json", rate=0.1)
        simulator.world.ledger(day="2026-11-19", type="cashIn")            # the truth

or from a shell: ``python -m airflow_provider_sengo.simulator --port 8800``.

``Simulator(settings=None, **overrides)``: a context manager; ``base_url``, ``client_key``, ``client_token``
(SenGo), ``senangpay_base_url``, ``merchant_id``, ``secret_key``, ``origin``, ``world``;
``sengo_connection(**extra)`` and ``senangpay_connection(**extra)``: connections for Airflow, as JSON. Importing
it is light: FastAPI and uvicorn come with ``__enter__``.

``SimulatorSettings`` (frozen): ``seed days per_day expired_share failed_share late_share multi_day_share
multi_day_expiry_days_max traffic_continues opening_balance_rupiah``; ``now frozen``; ``verify laravel_input
date_by day_zone order page_size retention_days reference_memory_days check_lag_s check_lag_requests
empty_total_pages refuse_statuses error_style fee_payer payout_total dates_in_single qris_content
expiry_minutes_default expiry_minutes_max amount_min_rupiah projects_enabled``; ``auto_pay_after_s
callbacks``; ``extra_credentials`` (key -> token, each with its own ledger); ``latency_ms
requests_per_second burst retry_after_s requests_kept``; ``host port``; ``senangpay``: a
``SenangPaySettings`` (frozen; ``configure(senangpay={...})`` merges). Meanings: ``settings.py``,
``senangpay_settings.py``.

``World`` (thread-safe, usable without HTTP). ``key`` chooses the credential everywhere, default the first.

* ``settings``, ``configure(**changes)``, ``reset()`` (all as at the start, switches included)
* ``set_clock(now, *, frozen=True)``, ``advance(seconds)``, ``now()``
* ``ledger(*, key, day, type)`` -> dicts ``id reference type channel status amount fee fee_payer created_at
  expires_at paid_at listing_day listed remembered vanished hidden odd_fields shown_status shown_amount
  project``; ``day`` is a listing day; forgotten and vanished rows are told, too
* ``sums(*, key)`` -> dicts ``day type status rows amount_sum paid_rows paid_amount_sum`` of what is listed
  now
* ``payments(reference, *, key)``: every SenGo payment ever made under a reference, as ``ledger`` tells;
  ``charges(order_id=None)``: the senangPay charges that moved money, whatever queries show
* ``handle(method, url, headers=None, body=b"", *, timeout_s=30.0) -> (status, headers, body)``: a request to
  either gateway without sockets or waiting; a cut connection raises ``ConnectionCut`` (``sent processed why
  received``)
* ``senangpay``: ``configure(**switches)``; ``issue_token(*, enabled=True, decline=None, card=...) -> token``
  (``decline``: a message or a key of ``DECLINES``), ``set_token(token, *, enabled, decline)``,
  ``token(token)``, ``tokens()``; ``attempts(order_id=None)``, ``charges(order_id=None)``;
  ``add_payment(order_id, *, amount_sen, status="paid", created_at=None, paid_after_s=None, **fields) ->
  transaction_id``, ``settle fail hide show (transaction_id)``, ``mutate(transaction_id, *, remove=(),
  **{dotted path: value})``
* ``requests()`` -> ``RequestLog``: ``total by_endpoint by_status by_fault entries clear()``
* ``pay settle expire fail vanish hide show (id_or_reference)``; ``mutate(id, remove=(), **fields)``: a
  plan's field (``reference amount fee fee_payer status created_at expires_at paid_at failed_at settles_at
  callback view_name channel type``) changes the truth, any other name the row on the wire; ``insert(**the
  same, id=) -> id``
* ``add_odd_rows(day, type, *, status="success", kinds=None) -> ids``; ``fill(*, day, type, rows,
  status="success", paid_within_s=None)``: many rows at once
* ``set_fault(name, *, rate=1.0, max_times=None, endpoint=None, first_try_only=False, match=None, at=(),
  processed=None, **details)``, ``clear_faults(name=None)``. Names: ``http_500 reset no_connection timeout
  truncated soft_error empty_page cut_json rate_429 html slow redirect oversize refuse http_status tamper``;
  ``endpoint`` like ``"GET /transactions"`` or ``"POST /apiv1/pay_cc"``, ``match`` a piece of the request
  target, ``at`` exact numbers (from 1) among the matching requests, ``processed`` whether the gateway did
  its work before the fault (False: it has left no trace); details: ``faults.DETAILS``
* ``set_drift(*, mode="leave|arrive|both", day, type, status="success", key=None, rows_per_s=0.0,
  every_requests=0, rows=1, max_events=None, leave_as="auto|success|expired|failed|vanish",
  leave_from="random|first|last", arrive_at="random|start|end", seed=1)``: give one of ``rows_per_s`` (real
  seconds) and ``every_requests``; ``drifts()`` tells ``left_ids`` and ``arrived_ids``; ``clear_drift()``
* ``callbacks.entries`` (what was sent, and what was not and why), ``callbacks.wait_until_sent()``

Pages for people: ``/`` lists the latest QRIS payments, ``/pay/{id}`` pays, expires or fails one.

Over HTTP under ``/_control``: ``GET requests ledger sums payments/{reference} settings faults drift
callbacks clock``, ``PATCH settings``, ``POST reset clock pay/{id} settle/{id} expire/{id} fail/{id}
vanish/{id} hide/{id} show/{id} mutate/{id} insert odd fill faults drift``, ``DELETE requests faults drift``;
under ``/_control/senangpay``: ``GET tokens attempts charges``, ``POST tokens payments settle/{id} fail/{id}
hide/{id} show/{id} mutate/{id}``, ``PATCH tokens/{token}``; bodies are JSON objects with the parameter names
above.

pytest: put ``pytest_plugins = ["airflow_provider_sengo.simulator.pytest_plugin"]`` into the root
``conftest.py`` and use the fixture ``sengo_simulator``.
"""

from .exchange import ConnectionCut
from .request_log import RequestLog
from .senangpay_settings import MERCHANT_ID, SECRET_KEY, SenangPaySettings
from .senangpay_tokens import DECLINES
from .server import Simulator
from .settings import CLIENT_KEY, CLIENT_TOKEN, SimulatorSettings
from .world import World

__all__ = [
    "CLIENT_KEY",
    "CLIENT_TOKEN",
    "DECLINES",
    "MERCHANT_ID",
    "SECRET_KEY",
    "ConnectionCut",
    "RequestLog",
    "SenangPaySettings",
    "Simulator",
    "SimulatorSettings",
    "World",
]
