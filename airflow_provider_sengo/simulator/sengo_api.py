# SPDX-License-Identifier: Apache-2.0
"""SenGo's endpoints: a request in, an answer out, through the world's state.

Sources: docs.sengo.id/authentication, /fund-acceptance/qris, /extras/transactions, /extras/project,
/extras/errors.
"""

import ipaddress
import random
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from .answers import Answer, listing_page, refusal, success
from .clock import zone_day
from .ledger import Ledger
from .php_json import PhpJsonError, encode_text, php_decode, php_encode
from .plan import Plan
from .request import Request
from .seeded import fee_rupiah, random_id
from .settings import STATUSES
from .signature import is_signed, same_text, sign
from .state import WorldState
from .wire import single_row

TYPE_NAMES = {"cashIn": "cashIn", "receive": "cashIn", "cashOut": "cashOut", "send": "cashOut"}
REFERENCE_CHARACTERS_MAX = 64  # Unconfirmed: no length is published
AMOUNT_MAX_RUPIAH = 10**12  # Unconfirmed: no limits are published
DAY_CHARACTERS = 10  # Python reads more ISO forms than Y-m-d
TRUE_WORDS = ("true", "1")


class Refused(Exception):
    """Ends an endpoint with an error."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


INVALID = 422, "REQUEST_INVALID"


def endpoint_of(method: str, path: str) -> str:
    """The name that counts and faults use: ``GET /check`` whatever the id."""
    return f"{method} /{path.strip('/').split('/')[0]}"


def answer(world: WorldState, request: Request) -> Answer:
    """Authenticate, route, and turn refusals into answers."""
    try:
        handler = _handler(request)
        authenticate(world, request)
        with world.open(request.key) as ledger:
            return handler(world, ledger, request)
    except Refused as error:
        return refusal(error.status, error.code, style=world.settings.error_style)


def _handler(request: Request) -> Callable[[WorldState, Ledger, Request], Answer]:
    path = request.path.rstrip("/")
    routes = {"/transactions": "GET", "/balance": "GET", "/qris": "POST", "/projects": "POST"}
    is_check = path.startswith("/check/") and path.count("/") == 2
    if not is_check and path not in routes:
        raise Refused(404, "NOT_FOUND")  # Unconfirmed: no such answer is published
    if request.method != ("GET" if is_check else routes[path]):
        raise Refused(405, "METHOD_NOT_ALLOWED")
    return check if is_check else HANDLERS[path]


def authenticate(world: WorldState, request: Request) -> None:
    """Key, token, decodable body, signature; in this order. Path and query are not signed."""
    key, token, signature = (
        request.headers.get(name, b"").decode("latin-1")
        for name in (b"x-client-key", b"x-client-token", b"x-signature")
    )
    known_token = world.tokens.get(key)
    if known_token is None or not same_text(token, known_token):
        raise Refused(401, "UNAUTHORIZED")
    if request.method == "GET":
        is_right = same_text(signature, sign(key, known_token))
    else:
        is_right = _is_body_signed(world, request, key, known_token, signature)
    if not is_right:
        raise Refused(401, "UNAUTHORIZED")
    request.key = key


def _is_body_signed(world: WorldState, request: Request, key: str, token: str, signature: str) -> bool:
    content_type = request.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if content_type != b"application/json":
        request.notes.append("the body is not sent as application/json: a Laravel server may not parse it")
    try:
        decoded = php_decode(request.body)
        php_encode(decoded)  # a server that signs PHP's ``false`` here would accept the GET signature
    except PhpJsonError as error:
        raise Refused(*INVALID) from error
    settings = world.settings
    is_right = is_signed(
        signature,
        client_key=key,
        client_token=token,
        body=request.body,
        decoded=decoded,
        verify=settings.verify,
        laravel_input=settings.laravel_input,
    )
    if is_right and not isinstance(decoded, dict):
        raise Refused(*INVALID)
    request.data = decoded if is_right else {}
    return is_right


def list_transactions(world: WorldState, ledger: Ledger, request: Request) -> Answer:
    """One page of one day, type and status; the documented defaults fill in all but the type."""
    settings, parameters = world.settings, request.parameters()
    today = zone_day(world.now_s(), settings.day_zone)
    type = TYPE_NAMES.get(parameters.get("type", ""))
    status = parameters.get("status", "success")
    page = parameters.get("page", "1")
    if type is None or status not in STATUSES or status in settings.refuse_statuses:
        raise Refused(*INVALID)
    if not page.isascii() or not page.isdigit() or len(page) > 9 or int(page) < 1:
        raise Refused(*INVALID)
    day = _day(parameters["date"]) if "date" in parameters else today
    world.drift_before_listing(request.key, ledger, day, type)
    plans = ledger.listing(day, type, status)
    total, size, number = len(plans), settings.page_size, int(page)
    rows = ledger.rows(plans[(number - 1) * size : number * size], status)
    pages = -(-total // size) or settings.empty_total_pages
    return listing_page(rows, page=number, total_pages=pages, total_records=total)


def _day(text: str) -> int:
    if len(text) != DAY_CHARACTERS:
        raise Refused(*INVALID)
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError as error:
        raise Refused(*INVALID) from error


def check(world: WorldState, ledger: Ledger, request: Request) -> Answer:
    """One transaction by id or reference; ``resendCallback`` sends its callback again."""
    plan = ledger.find(unquote(request.path.rstrip("/").split("/")[2]))
    if plan is None or ledger.lags_behind(plan):
        raise Refused(404, "TRANSACTION_NOT_FOUND")
    if request.parameters().get("resendCallback", "").lower() in TRUE_WORDS:
        world.notify(request.key, ledger, plan, "resend")
    return success(single_row(plan, ledger.status(plan), world.settings))


def get_balance(world: WorldState, ledger: Ledger, request: Request) -> Answer:
    """Settled money is active, paid but not settled is pending; payouts leave at once."""
    active, pending = ledger.balance()
    return success(b'{"active":%d,"pending":%d,"total":%d}' % (active, pending, active + pending))


def create_qris(world: WorldState, ledger: Ledger, request: Request) -> Answer:
    """A pending QRIS payment that expires after some minutes."""
    data: dict[str, Any] = request.data
    settings = world.settings
    additional = data.get("additionalInfo")
    callback = additional.get("callback") if isinstance(additional, dict) else None
    minutes = data.get("expiryMinutes", settings.expiry_minutes_default)
    amount: Any = data.get("amount")
    reference: Any = data.get("reference")
    is_valid = (
        _is_reference(reference)
        and _is_int(amount, settings.amount_min_rupiah, AMOUNT_MAX_RUPIAH)
        and _is_int(minutes, 1, settings.expiry_minutes_max)
        and _is_text(data.get("viewName"))
        and _is_url(callback)
    )
    if not is_valid:
        raise Refused(*INVALID)
    if ledger.is_reference_used(reference):
        raise Refused(409, "DUPLICATE_REFERENCE")
    now_s = world.now_s()
    plan = Plan(
        id=random_id(random.Random(f"{settings.seed}|{request.key}|{len(ledger.plans)}|{reference}")),
        reference=reference,
        type="cashIn",
        channel="qris",
        amount=amount,
        fee=fee_rupiah("qris", amount),
        customer_pays=settings.fee_payer == "customer",
        created_s=float(int(now_s)),
        expires_s=float(int(now_s)) + minutes * 60,
        paid_s=None if settings.auto_pay_after_s is None else now_s + settings.auto_pay_after_s,
        callback=callback,
        view_name=data["viewName"],
    )
    if plan.paid_s is not None and plan.paid_s >= plan.expires_s:
        plan.paid_s = None  # nobody can pay an expired code
    before = ledger.by_reference.get(reference)
    ledger.add(plan)
    ledger.let_lag(plan, until_s=now_s + settings.check_lag_s, requests=settings.check_lag_requests)
    request.undo.append(partial(ledger.remove, plan, before))
    return success(single_row(plan, ledger.status(plan), settings))


def create_project(world: WorldState, ledger: Ledger, request: Request) -> Answer:
    """A project under review; a domain counts once."""
    if not world.settings.projects_enabled:
        raise Refused(401, "PRODUCT_ACCESS_ERROR")
    name, domain, networks = (request.data.get(field) for field in ("name", "domain", "ip"))
    if not (_is_text(name) and _is_url(domain) and isinstance(networks, list) and networks):
        raise Refused(*INVALID)
    if domain in ledger.projects or not all(_is_network(one) for one in networks):
        raise Refused(*INVALID)
    ledger.projects[str(domain)] = id = len(ledger.projects) + 1
    request.undo.append(partial(ledger.projects.__delitem__, str(domain)))
    text = f'{{"id":{id},"name":{encode_text(str(name))},"domain":{encode_text(str(domain))},'
    return success((text + f'"ip":{php_encode(networks)},"status":"Review"}}').encode())


HANDLERS: dict[str, Callable[[WorldState, Ledger, Request], Answer]] = {
    "/transactions": list_transactions,
    "/balance": get_balance,
    "/qris": create_qris,
    "/projects": create_project,
}


def _is_text(value: Any, characters_max: int = 255) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= characters_max


def _is_reference(value: Any) -> bool:
    """A slash could not stand in the path of /check."""
    return _is_text(value, REFERENCE_CHARACTERS_MAX) and "/" not in value


def _is_int(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_url(value: Any) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        return parts is not None and parts.scheme in ("http", "https") and bool(parts.netloc)
    except ValueError:
        return False


def _is_network(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return False
