# SPDX-License-Identifier: Apache-2.0
"""senangPay's endpoints under ``/apiv1``: a request in, an answer out, through the world's state.

Source: guide.senangpay.com, tokenization page 1.1 to 3.4; the query APIs' parameters from the same guide,
their answers from clients' parsers (no vendor page shows one).
"""

import base64
import binascii
import re
from collections.abc import Callable
from functools import partial

from . import senangpay_hashes as hashes
from .answers import Answer
from .request import Request
from .senangpay_answers import (
    SUCCESS,
    VERIFIED,
    answer_to,
    charge_answer,
    plain,
    refusal,
    rows_answer,
    status_of,
)
from .senangpay_attempt import Attempt, count_query, in_order, is_shown, row_of
from .senangpay_form import UnreadableBody, read_fields
from .senangpay_settings import SenangPaySettings
from .senangpay_tokens import CardToken
from .state import WorldState

CHARGE_FIELDS = ("name", "email", "detail", "phone", "order_id", "amount", "token", "hash")
TEXT_CHARACTERS_MAX = {"name": 100, "detail": 100}
ORDER_ID = re.compile(r"[A-Za-z0-9]{1,100}")  # Unconfirmed: no length is published for pay_cc
ORDER_ID_WITH_DASH = re.compile(r"[A-Za-z0-9-]{1,100}")
AMOUNT_SEN = re.compile(r"[1-9][0-9]{0,11}")  # Unconfirmed: no limits are published
UNIX_SECONDS = re.compile(r"[1-9][0-9]{0,11}")


class Refused(Exception):
    """Ends an endpoint with ``status`` 0 and a text."""

    def __init__(self, msg: str, http_status: int = 200) -> None:
        super().__init__(msg, http_status)
        self.msg, self.http_status = msg, http_status


def endpoint_of(method: str, path: str) -> str:
    """The name that counts and faults use: ``POST /apiv1/pay_cc``, ``GET /tokenization``."""
    first, second, *rest = (*path.strip("/").split("/"), "", "")
    if first == "tokenization":
        return f"{method} /tokenization{'/card' if 'card' in rest else ''}"
    return f"{method} /{first}/{second}"


def answer(world: WorldState, request: Request) -> Answer:
    """Authenticate, read the fields, route, and turn refusals into answers."""
    settings = world.settings.senangpay
    try:
        handler = _handler(request)
        is_post = request.method == "POST"
        authenticate(settings, request, is_needed=is_post)
        request.data = _fields(settings, request) if is_post else request.parameters()
        with world.lock:
            return handler(world, request)
    except Refused as error:
        return refusal(settings, error.msg, http_status=error.http_status)


def _handler(request: Request) -> Callable[[WorldState, Request], Answer]:
    method, handler = ROUTES.get(request.path.rstrip("/"), ("", None))
    if handler is None:
        raise Refused("Not Found", 404)
    if request.method != method:
        raise Refused("Method Not Allowed", 405)
    return handler


def authenticate(settings: SenangPaySettings, request: Request, *, is_needed: bool) -> None:
    """Basic: the merchant id and an empty password; queries need none, but never a secret either."""
    if settings.secret_key.encode() in request.body or settings.secret_key in request.query:
        request.notes.append("the secret key stands in the request: it must never leave the client")
    scheme, _, encoded = request.header(b"authorization").partition(" ")
    if not scheme and not is_needed:
        return
    user, colon, password = _basic(encoded) if scheme.lower() == "basic" else ("", "", "")
    if password:
        request.notes.append("a Basic password was sent: the documents want it empty, this leaks a secret")
    is_right = bool(colon) and user == settings.merchant_id
    if not is_right or (password and not settings.accept_password):
        raise Refused("Invalid Merchant", settings.bad_auth_status)
    request.key = user


def _basic(encoded: str) -> tuple[str, str, str]:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", "", ""


def _fields(settings: SenangPaySettings, request: Request) -> dict[str, str]:
    content_type = request.header(b"content-type")
    try:
        fields = read_fields(content_type, request.body, accept_json=settings.accept_json)
    except UnreadableBody as error:
        request.notes.append("the body is no form that a PHP server would read")
        raise Refused("Invalid request") from error
    if not settings.trim_input:
        return fields
    return {name: value.strip() for name, value in fields.items()}


# -- charges ------------------------------------------------------------------------------------------


def pay_cc(world: WorldState, request: Request) -> Answer:
    """Charge a stored card; nothing makes a repeated order id harmless unless switched on."""
    settings, fields = world.settings.senangpay, request.data
    try:
        card = _card_to_charge(world, fields)
    except Refused as error:
        if not settings.refusals_are_full:
            raise
        return charge_answer(
            settings,
            is_paid=False,
            order_id=fields.get("order_id", ""),
            amount_sen=int(fields["amount"]) if AMOUNT_SEN.fullmatch(fields.get("amount", "")) else 0,
            msg=error.msg,
            transaction_id=world.senangpay.new_transaction_id(world.now_s()),
        )
    attempt = _attempt(world, fields, card)
    world.senangpay.keep(attempt)
    request.undo.append(partial(world.senangpay.drop, attempt))
    return answer_to(attempt, world.now_s(), settings)


def _card_to_charge(world: WorldState, fields: dict[str, str]) -> CardToken:
    """Every rule a charge must keep; the card if all is well."""
    settings = world.settings.senangpay
    for name in CHARGE_FIELDS:
        if not fields.get(name, "").strip():
            raise Refused(f"{name} is required")
    for name, characters_max in TEXT_CHARACTERS_MAX.items():
        if len(fields[name]) > characters_max:
            raise Refused(f"{name} is longer than {characters_max} characters")
    order_rule = ORDER_ID_WITH_DASH if settings.order_id_dash else ORDER_ID
    if not order_rule.fullmatch(fields["order_id"]):
        raise Refused("order_id is invalid")
    if not AMOUNT_SEN.fullmatch(fields["amount"]):
        raise Refused("amount is invalid")
    wanted = hashes.charge_request(settings.secret_key, settings.merchant_id, fields)
    if not hashes.same_hash(fields["hash"], wanted):
        raise Refused("Invalid hash")
    card = _card(world, fields)
    if not card.enabled:
        raise Refused("Credit card is disabled")
    if settings.duplicate_orders == "reject" and world.senangpay.of_order(fields["order_id"]):
        raise Refused("Duplicate order id")
    return card


def _attempt(world: WorldState, fields: dict[str, str], card: CardToken) -> Attempt:
    now_s, settings = world.now_s(), world.settings.senangpay
    return Attempt(
        transaction_id=world.senangpay.new_transaction_id(now_s),
        amount_sen=int(fields["amount"]),
        created_s=now_s,
        paid_s=None if card.decline else now_s,
        failed_s=now_s if card.decline else None,
        msg=card.decline or SUCCESS,
        token=card.token,
        shown_s=now_s + settings.shown_after_s,
        lag_queries=settings.shown_after_queries,
        pending_until_s=now_s + settings.pending_s,
        pending_queries=settings.pending_queries,
        order_id=fields["order_id"],
        name=fields["name"],
        email=fields["email"],
        phone=fields["phone"],
        detail=fields["detail"],
    )


# -- card tokens --------------------------------------------------------------------------------------


def _card(world: WorldState, fields: dict[str, str]) -> CardToken:
    card = world.senangpay.cards.get(fields.get("token", ""))
    if card is None:
        raise Refused("Invalid token")
    return card


def validate_token(world: WorldState, request: Request) -> Answer:
    """Whether a card can be charged; no money moves. That a disabled one says 0 is Unconfirmed (switch)."""
    settings, card = world.settings.senangpay, _card(world, request.data)
    is_valid = card.enabled or settings.disabled_validates
    msg = VERIFIED if is_valid else "Credit card is disabled"
    return plain(settings, {"status": status_of(settings, int(is_valid)), "msg": msg, "token": card.token})


def update_token_status(world: WorldState, request: Request) -> Answer:
    """A toggle: the only parameter is the token, the new state stands in the text alone."""
    card = _card(world, request.data)
    _toggle(card, 1)
    request.undo.append(partial(_toggle, card, -1))
    word = "enabled" if card.enabled else "disabled"
    return plain(world.settings.senangpay, {"msg": f"Credit card successfully {word}", "token": card.token})


def _toggle(card: CardToken, count: int) -> None:
    card.enabled = not card.enabled
    card.toggles += count


# -- queries ------------------------------------------------------------------------------------------


def query_order_status(world: WorldState, request: Request) -> Answer:
    """All attempts of an order."""
    (order_id,) = _asked(world.settings.senangpay, request, "order_id")
    return _rows(world, request, world.senangpay.of_order(order_id))


def query_transaction_status(world: WorldState, request: Request) -> Answer:
    """One attempt by its transaction id."""
    (reference,) = _asked(world.settings.senangpay, request, "transaction_reference")
    attempt = world.senangpay.by_id.get(reference)
    return _rows(world, request, [] if attempt is None else [attempt])


def get_transaction_list(world: WorldState, request: Request) -> Answer:
    """The attempts between two times in unix seconds, both included."""
    start, end = _asked(world.settings.senangpay, request, "timestamp_start", "timestamp_end")
    if not (UNIX_SECONDS.fullmatch(start) and UNIX_SECONDS.fullmatch(end) and int(start) < int(end)):
        raise Refused("Invalid timestamp")
    attempts = world.senangpay.of_order(None)
    return _rows(world, request, [one for one in attempts if int(start) <= int(one.created_s) <= int(end)])


def _asked(settings: SenangPaySettings, request: Request, *names: str) -> list[str]:
    """What is asked for, once merchant id and hash are right."""
    fields = request.data
    if fields.get("merchant_id") != settings.merchant_id:
        raise Refused("Invalid Merchant")
    values = [fields.get(name, "") for name in names]
    if not all(values):
        raise Refused("Missing parameter")
    types = ("sha256", "md5") if settings.hash_type == "both" else (settings.hash_type,)
    wanted = [
        hashes.query(settings.secret_key, settings.merchant_id, *values, hash_type=one) for one in types
    ]
    matches = [hashes.same_hash(fields.get("hash", ""), one) for one in wanted]
    if not any(matches):
        raise Refused("Invalid hash")
    request.key = settings.merchant_id
    return values


def _rows(world: WorldState, request: Request, asked: list[Attempt]) -> Answer:
    """The rows as shown now; what lags behind comes nearer with each query that asks for it."""
    settings, now_s, query = world.settings.senangpay, world.now_s(), request.path.rstrip("/")[len(PREFIX) :]
    shown = [one for one in asked if is_shown(one, now_s, query, settings)]
    rows = [row_of(one, now_s, settings) for one in in_order(shown, settings.row_order)]
    reply = rows_answer(settings, rows)
    for one in asked:
        if not one.by_pay_cc or query in settings.charges_shown_by:
            count_query(one, now_s)
    return reply


PREFIX = "/apiv1/"
ROUTES: dict[str, tuple[str, Callable[[WorldState, Request], Answer]]] = {
    PREFIX + "pay_cc": ("POST", pay_cc),
    PREFIX + "validate_token": ("POST", validate_token),
    PREFIX + "update_token_status": ("POST", update_token_status),
    PREFIX + "query_order_status": ("GET", query_order_status),
    PREFIX + "query_transaction_status": ("GET", query_transaction_status),
    PREFIX + "get_transaction_list": ("GET", get_transaction_list),
}
