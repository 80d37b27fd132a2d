# SPDX-License-Identifier: Apache-2.0
"""Whatever is given to an endpoint, a signer, a trigger or a reader of text: a value, or a ValueError without it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from documented_answers import BUYER, DAY, NOW, QRIS, SENANGPAY, SENGO
from fuzz_profile import bounded, fuzz
from hypothesis import given
from hypothesis import strategies as st
from mutations import CANARY

from airflow_provider_sengo.exceptions import (
    Rejected,
    SenGoProviderError,
    SignatureMismatch,
    UnexpectedResponse,
)
from airflow_provider_sengo.protocol import money, paid_book, qris, retry, senangpay, sengo, signing, waiting
from airflow_provider_sengo.protocol.http import Call
from airflow_provider_sengo.protocol.jakarta import today, window
from airflow_provider_sengo.triggers import events
from airflow_provider_sengo.triggers.senangpay import SenangPayOrderTrigger
from airflow_provider_sengo.triggers.sengo import SenGoPaymentsEventTrigger, SenGoTransactionTrigger
from airflow_provider_sengo.triggers.wait import loop_time

any_text = (
    st.text() | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Zs"])) | st.text().map(CANARY.__add__)
)
plain = st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.integers(min_value=2**63)
plain |= st.integers(10**398, 10**400) | st.text("1", min_size=5_000, max_size=5_001)
scalar = plain | st.binary() | st.decimals()
json_values = st.recursive(
    plain, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=8
)
anything = st.recursive(
    scalar, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=8
)
bodies = st.recursive(
    scalar, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab01", max_size=2), inner)
)
instants = st.datetimes(timezones=st.none() | st.sampled_from([UTC, timezone(timedelta(hours=14))]))


def made(make: Callable[[], Any]) -> Any:
    """What it makes, or None after a plain ValueError that tells no value."""
    with bounded():
        try:
            return make()
        except ValueError as error:
            refusal = error
    # Kinds of their own (UnicodeError, JSONDecodeError) carry what they were given.
    assert type(refusal) is ValueError, repr(refusal)
    assert CANARY not in str(refusal)
    assert str(refusal).isprintable()
    return None


ENDPOINTS: dict[str, tuple[Callable[..., Call[Any]], dict[str, Any]]] = {
    "create_qris": (
        lambda **given: sengo.create_qris(SENGO, **given),
        {"reference": "INV-1", "amount": 10_000, "expiry_minutes": 5, **QRIS},
    ),
    "create_project": (
        lambda **given: sengo.create_project(SENGO, **given),
        {"name": "Shop", "domain": "https://a.example", "ip": ["203.0.113.7"]},
    ),
    "list_rows": (
        lambda **given: sengo.list_rows(SENGO, **given),
        {"day": DAY, "type": "cashIn", "status": "success", "page": 1},
    ),
    "get_transaction": (lambda it: sengo.get_transaction(SENGO, it), {"it": "INV-1"}),
    "charge_token": (
        lambda **given: senangpay.charge_token(SENANGPAY, **given),
        {"order_id": "ORD1", "amount_sen": 100, "token": "t-1", **BUYER},
    ),
    "toggle_token": (lambda token: senangpay.toggle_token(SENANGPAY, token), {"token": "t-1"}),
    "query_order": (lambda it: senangpay.query_order(SENANGPAY, it), {"it": "ORD1"}),
    "query_transaction": (lambda it: senangpay.query_transaction(SENANGPAY, it), {"it": "1"}),
    "list_transactions": (
        lambda start, end: senangpay.list_transactions(SENANGPAY, start, end),
        {"start": NOW, "end": NOW + timedelta(days=1)},
    ),
}


@fuzz(200)
@given(data=st.data())
def test_endpoints(data: st.DataObject) -> None:
    """Any argument of any endpoint: a request of ASCII headers whose body is bytes, or a ValueError."""
    build, sound = ENDPOINTS[data.draw(st.sampled_from([*ENDPOINTS]))]
    field = data.draw(st.sampled_from([*sound]))
    given = data.draw(anything | instants | st.dates() | st.lists(any_text))
    call = made(lambda: build(**sound | {field: given}))
    if call is None:
        return
    request = call.request
    assert request.url.isascii()
    assert request.url.isprintable()
    assert all(f"{name}{value}".isascii() for name, value in request.headers.items())
    assert request.body is None or request.body.isascii()
    assert request.url.startswith(("http://127.0.0.1:9/api/", "http://127.0.0.1:9/apiv1/"))


@fuzz(60)
@given(body=bodies)
def test_bodies_are_signed_as_they_are_sent(body: object) -> None:
    """Any body: bytes that mean the same again, or a ValueError that names a place."""
    written = made(lambda: signing.php_json(body))
    if written is not None:
        assert json.loads(written) == body
        assert signing.php_json(json.loads(written)) == written


def test_bodies_without_end() -> None:
    """Nested beyond everything, or holding itself: refused by its depth."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    round_and_round: list[Any] = []
    round_and_round.append(round_and_round)
    assert made(lambda: signing.php_json({"a": deep})) is None
    assert made(lambda: signing.php_json({"a": round_and_round})) is None


@fuzz(200)
@given(body=st.binary(), given_signature=any_text, key=any_text, secret=any_text)
def test_callbacks(body: bytes, given_signature: str, key: str, secret: str) -> None:
    """No callback verifies but by its own signature; half a surrogate pair in a header is no crash."""
    with pytest.raises(SignatureMismatch) as caught:
        signing.verify_sengo_signature("KEY", "token", body, given_signature)
    assert given_signature not in str(caught.value) or len(given_signature) < 12
    assert len(signing.senangpay_signature(secret, key, given_signature)) == 64


@fuzz(150)
@given(data=st.data())
def test_tokenization_returns(data: st.DataObject) -> None:
    """What a browser brings back, as fields or as a query string, signed or not: a card, or an error of ours."""
    fields: dict[str, Any] = {"status_id": "1", "order_id": "ORD1", "token": "tok-123", "cc_num": "1234"}
    fields |= {"cc_type": "vs", "msg": "Payment_was_successful"}
    name = data.draw(st.sampled_from([*fields, "hash", "status"]))
    fields[name] = data.draw(any_text | st.sampled_from(["0", "2", "", "xx"]) | scalar)
    if (
        name != "hash"
        and all(isinstance(value, str) for value in fields.values())
        and data.draw(st.booleans())
    ):
        fields["hash"] = signing.senangpay_tokenization_return_signature(
            SENANGPAY.merchant_id,
            SENANGPAY.secret_key,
            **{"message" if key == "msg" else key: value for key, value in fields.items() if key != "status"},
        )
    params: Any = fields
    if data.draw(st.booleans()):
        noise = data.draw(any_text | st.just("&a=1" * 100_000) | st.just("%" * 10_000))
        params = (
            urlencode({key: str(value).encode("utf-8", "replace") for key, value in fields.items()}) + noise
        )
    card: senangpay.CardToken | None = None
    told = ""
    with bounded():
        try:
            card = senangpay.verify_tokenization_return(SENANGPAY, params, order_id="ORD1")
        except (SignatureMismatch, Rejected, UnexpectedResponse) as error:
            told = f"{error} {error!r} {vars(error)}"
    assert SENANGPAY.secret_key not in told
    assert "tok-123" not in told
    if card is not None:
        assert "hash" in fields
        assert card.order_id == "ORD1"
        assert "token=" not in repr(card)


@fuzz(150)
@given(text=any_text | st.text("0123456789", max_size=400) | st.lists(st.text("0123456789")).map("04".join))
def test_qr_text(text: str) -> None:
    """Any text of a code is read or says nothing; never an error."""
    with bounded():
        assert qris.parse_qris_content(text).is_emv in (True, False)


@fuzz(100)
@given(value=anything)
def test_money(value: object) -> None:
    """An amount is the very number that was written, or refused."""
    for read in (money.parse_rupiah, money.parse_sen):
        amount = made(lambda read=read: read(value, field="amount"))
        assert amount is None or (type(amount) is int and amount > 0 and str(amount) == str(value))
    sen = made(lambda: money.ringgit_to_sen(value))
    if sen is not None:
        assert type(sen) is int
        assert sen == Decimal(str(value)) * 100


@fuzz(150)
@given(text=any_text | st.floats().map(str) | instants.map(lambda at: f"{at:%a, %d %b %Y %H:%M:%S} GMT"))
def test_retry_after(text: str) -> None:
    """Any Retry-After: from nothing to its bound in seconds, or None."""
    with bounded():
        wait_s = retry.retry_after_s({"retry-after": text}, NOW)
    assert wait_s is None or 0 <= wait_s <= retry.RETRY_AFTER_MAX_S


@fuzz(100)
@given(
    value=json_values | st.dictionaries(st.sampled_from(["v", "since", "days"]), json_values), since=any_text
)
def test_cursors(value: Any, since: str) -> None:
    """Whatever an asset's state holds: a cursor that is written again as it was read, or None."""
    made_up = [value, {"v": 1, "since": since, "days": {}}, {"v": 1, "since": NOW.isoformat(), "days": value}]
    made_up += [{"v": 1, "since": NOW.isoformat(), "days": {"2026-11-20 cashIn": [value, value]}}]
    made_up += [
        {"v": 1, "since": NOW.isoformat(), "days": {"2026-11-20 cashIn": [each, "0f"]}}
        for each in (math.inf,)
    ]
    for each in made_up:
        with bounded():
            cursor = paid_book.read_cursor(each)
        assert cursor is None or paid_book.read_cursor(cursor.as_json()) == cursor


@fuzz(150)
@given(at=st.datetimes(timezones=st.timezones() | st.just(timezone(timedelta(hours=-23, minutes=-59)))))
def test_days_of_instants(at: datetime) -> None:
    """Any instant has its day in Jakarta, also at the calendar's ends; a window ends with it."""
    assert abs(today(at).toordinal() - at.toordinal()) <= 2
    if today(at) > date(1, 1, 10):
        assert window(at)[-1] == today(at)


@fuzz(80)
@given(
    event=anything | st.dictionaries(st.sampled_from(["outcome", "error", "message", "statuses"]), anything)
)
def test_events(event: Any) -> None:
    """Whatever event wakes a task, of an older or a later release: read, unknown, or an error of ours."""
    told = [event]
    if isinstance(event, dict):
        told += [event | {"outcome": outcome} for outcome in (events.SETTLED, events.TOO_LATE, events.ERROR)]
        told += [
            event | {"outcome": events.ERROR, "error": name} for name in ("NotFound", "__doc__", "ValueError")
        ]
    for each in told:
        with bounded(), suppress(SenGoProviderError, ValueError):
            ended = events.read_event(each)
            assert ended is None or isinstance(ended.statuses, dict)


@fuzz(200)
@given(instant=anything | instants.map(datetime.isoformat))
def test_instants_of_triggers(instant: Any) -> None:
    """A deadline is an instant with a zone, or a ValueError; never an infinite wait by accident."""

    async def read() -> float:
        return loop_time(instant, "deadline")

    at_s = made(lambda: asyncio.run(read()))
    assert at_s is None or math.isfinite(at_s) or instant is None


@fuzz(80)
@given(value=anything)
def test_arguments_of_triggers(value: Any) -> None:
    """Ids and statuses of a trigger come out of a database: a value, or a ValueError."""
    made(lambda: waiting.checked_ids(value))
    made(lambda: waiting.checked_statuses(value, ["failed"]))
    made(lambda: waiting.checked_statuses(["success"], value))
    made(lambda: SenangPayOrderTrigger(order_id=value, amount_sen=1).serialize())
    if isinstance(value, str | list):
        made(lambda: SenGoTransactionTrigger(transaction_id=value, later=value).serialize())
    for name in ("poll_interval", "lookback", "pages_max", "errors_max"):
        if isinstance(value, int | float) and not isinstance(value, bool):
            made(lambda name=name: SenGoPaymentsEventTrigger(**{name: value}))
    if isinstance(value, str | list):
        made(lambda: SenGoPaymentsEventTrigger(types=[str(each) for each in value]))
