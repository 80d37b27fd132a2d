# SPDX-License-Identifier: Apache-2.0
"""The tokenization flow of a browser: a signed request, the card form, the signed return and callback.

Source: guide.senangpay.com, get token (3D). The one-time password is left out; the card form is served at
once, where the real gateway redirects to its own pages first.
"""

import re
from html import escape
from urllib.parse import quote, urlencode

from . import senangpay_hashes as hashes
from .answers import HTML, Answer
from .html_page import page
from .request import Request
from .senangpay_form import UnreadableBody, read_fields
from .senangpay_page import form_page, result_page
from .senangpay_settings import SenangPaySettings
from .senangpay_tokens import TEST_CARD, TEST_CVV
from .state import WorldState

PREFIX = "/tokenization/"
SIGNED = ("order_id", "name", "email", "phone", "hash")
NAME_CHARACTERS_MAX = 100
EXPIRY = re.compile(r"(0[1-9]|1[0-2])/[0-9]{2}")


def answer(world: WorldState, request: Request) -> Answer:
    """``GET|POST /tokenization/{merchant_id}`` is the form, ``POST .../card`` takes the card."""
    settings = world.settings.senangpay
    merchant_id, _, step = request.path[len(PREFIX) :].rstrip("/").partition("/")
    if request.method not in ("GET", "POST") or step not in ("", "card"):
        return _problem("Not found", 404)
    try:
        fields = request.parameters() if request.method == "GET" else _form(request)
    except UnreadableBody:
        return _problem("The form cannot be read", 400)
    problem = _check(settings, merchant_id, fields)
    if problem is not None:
        return problem
    request.key = merchant_id
    if step == "card" and request.method == "POST":
        return _take_card(world, fields)
    signed = {name: fields[name] for name in SIGNED}
    return form_page(f"{PREFIX}{quote(merchant_id)}/card", signed, settings.return_url)


def _form(request: Request) -> dict[str, str]:
    return request.parameters() | read_fields(
        request.header(b"content-type"), request.body, accept_json=False
    )


def _problem(text: str, status: int) -> Answer:
    return page("senangPay simulator", f"<p>{escape(text)}.</p>", status=status)


def _check(settings: SenangPaySettings, merchant_id: str, fields: dict[str, str]) -> Answer | None:
    """Everything a request must have; the real gateway's words and status are Unconfirmed."""
    if merchant_id != settings.merchant_id:
        return _problem("Invalid Merchant", 404)
    for name in SIGNED:
        if not fields.get(name, "").strip():
            return _problem(f"{name} is required", 400)
    if len(fields["name"]) > NAME_CHARACTERS_MAX:
        return _problem(f"name is longer than {NAME_CHARACTERS_MAX} characters", 400)
    wanted = hashes.token_request(settings.secret_key, merchant_id, fields["order_id"])
    return None if hashes.same_hash(fields["hash"], wanted) else _problem("Invalid hash", 400)


def _take_card(world: WorldState, fields: dict[str, str]) -> Answer:
    settings = world.settings.senangpay
    number = fields.get("card_number", "").replace(" ", "")
    is_good = (
        number == TEST_CARD
        and fields.get("cvv") == TEST_CVV
        and EXPIRY.fullmatch(fields.get("expiry", "")) is not None
    )
    with world.lock:
        token = world.senangpay.issue_token(card=number) if is_good else None
        told = return_fields(settings, fields["order_id"], token, number[-4:])
        world.senangpay.notify_later(told)
    if settings.return_url is None:
        return result_page(told)
    joint = "&" if "?" in settings.return_url else "?"
    location = f"{settings.return_url.partition('#')[0]}{joint}{urlencode(told, quote_via=quote)}"
    return Answer(302, b"", HTML, (("location", location), ("cache-control", "no-store")))


def return_fields(
    settings: SenangPaySettings, order_id: str, token: str | None, last_four: str
) -> dict[str, str]:
    """The fields of return and callback, signed; no token means failure."""
    is_good = token is not None
    number = last_four if is_good else "0000"
    values = {
        "order_id": order_id,
        "token": token or "0",
        "cc_num": number if settings.card_number_style == "last4" else "XXXXXXXXXXXX" + number,
        "cc_type": "mc" if is_good else "xx",
        "msg": "Card validate" if is_good else "Card validation failed",
    }
    status_id = "1" if is_good else "0"
    sign = hashes.token_return(settings.secret_key, settings.merchant_id, status_id=status_id, **values)
    return {settings.return_status_name: status_id, **values, "hash": sign}
