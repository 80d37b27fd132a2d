# SPDX-License-Identifier: Apache-2.0
"""Pages on which a person plays the customer: the latest QRIS payments at ``/``, one of them at ``/pay/{id}``.

What a button does is ``World.pay``, ``expire`` and ``fail``, as in tests; nothing else is decided here. Forms
are POST and end with a redirect, so that looking again sends nothing a second time.
"""

import heapq
import json
from html import escape
from urllib.parse import quote, unquote

from .answers import HTML, Answer
from .clock import iso_jakarta
from .html_page import fields_list, page
from .plan import Plan, status_at
from .request import Request
from .settings import SimulatorSettings
from .wire import single_row, total_rupiah
from .world import World

PREFIX = "/pay/"
LATEST_MAX = 20  # payments on the index
WORDS = {
    "pending": "Waiting for payment",
    "success": "Paid",
    "expired": "Expired, not paid",
    "failed": "Failed, not paid",
}
CHOICES = {  # status -> (action, its button); a paid one stays paid, as the money has moved
    "pending": (("pay", "Pay"), ("expire", "Let it expire"), ("fail", "Let it fail")),
    "expired": (("pay", "Pay all the same (a late settlement)"),),
    "failed": (("pay", "Pay all the same (a late settlement)"),),
    "success": (),
}
LEADS_TO = {"pay": "success", "expire": "expired", "fail": "failed"}


def is_page(path: str) -> bool:
    """Whether a path belongs to these pages."""
    return path == "/" or path == PREFIX[:-1] or path.startswith(PREFIX)


def answer(world: World, request: Request) -> Answer:
    """``GET /``, ``GET /pay/{id}`` and ``POST /pay/{id}/{pay|expire|fail}``; id or reference, of any project."""
    _, _, rest = request.path.partition(PREFIX)
    identity, _, action = rest.rstrip("/").partition("/")
    wanted = "POST" if action in LEADS_TO else "GET"
    if action and action not in LEADS_TO:
        return _unknown("There is no such page.")
    if request.method != wanted and (request.method, wanted) != ("HEAD", "GET"):
        headers = (("allow", wanted),)
        return Answer(405, b"", HTML, headers)
    with world.lock:
        if not identity:
            return _index(world) if request.path == "/" else _unknown("There is no such page.")
        found = _find(world, unquote(identity))
        if found is None:
            return _unknown(f"No QRIS payment has the id or reference {unquote(identity)}.")
        key, plan = found
        return _act(world, key, plan, action) if action else _payment(world, plan)


def _find(world: World, identity: str) -> tuple[str, Plan] | None:
    """A QRIS payment and its credential."""
    for key in tuple(world.ledgers):
        with world.open(key) as ledger:
            plan = ledger.plans.get(identity) or ledger.by_reference.get(identity)
            if plan is not None and is_payable(plan) and ledger.is_created(plan):
                return key, plan
    return None


def is_payable(plan: Plan) -> bool:
    """Whether a customer pays it by scanning a code."""
    return plan.channel == "qris" and plan.type == "cashIn"


def _act(world: World, key: str, plan: Plan, action: str) -> Answer:
    """Do it and show the payment; 409 for what a page showed that is no longer up to date."""
    status = status_at(plan, world.now_s())
    if action in dict(CHOICES[status]):
        {"pay": world.pay, "expire": world.expire, "fail": world.fail}[action](plan.id, key=key)
    elif status != LEADS_TO[action]:  # the same button twice is no mistake
        return _payment(world, plan, note="Nothing was changed: it is no longer as your page showed it.")
    return Answer(303, b"", HTML, (("location", _address(plan)), ("cache-control", "no-store")))


def _address(plan: Plan) -> str:
    return PREFIX + quote(plan.id, safe="")


def _payment(world: World, plan: Plan, *, note: str = "") -> Answer:
    status, settings = status_at(plan, world.now_s()), world.settings
    buttons = "".join(
        f'<form method="post" action="{escape(_address(plan))}/{action}">'
        f'<button type="submit"{"" if action == "pay" else " class=other"}>{label}</button></form>'
        for action, label in CHOICES[status]
    )
    fields = {"Amount": _rupiah(plan.amount)}
    if plan.customer_pays:
        fields["Fee, paid by the customer"] = _rupiah(plan.fee)
    fields["Reference"] = plan.reference
    if plan.view_name:
        fields["View name"] = plan.view_name
    if status == "pending":
        fields["Time left"] = f"{left_text(plan.expires_s - world.now_s())}, by the simulator's clock"
    fields["Expires at" if status == "pending" else "Expiry"] = _time(plan.expires_s)
    if status == "success" and plan.paid_s is not None:
        fields["Paid at"] = _time(plan.paid_s)
    fields["Id"] = plan.id
    content = (
        f'<p class="status" role="status"><strong>{WORDS[status]}</strong> (status: {status})'
        f"{'<br>' + escape(note) if note else ''}</p>\n"
        f"{_qr_code(plan, status, settings) if status == 'pending' else ''}"
        f"{f'<div class=choices>{buttons}</div>' if buttons else ''}\n"
        f"{fields_list(fields)}\n"
        f'<p><a href="{escape(_address(plan))}">Look again</a></p>\n<p><a href="/">All payments</a></p>\n'
        "<p>This is a simulator: no money moves, nothing leaves this machine.</p>"
    )
    title = f"QRIS payment of {_rupiah(total_rupiah(plan, settings))}"
    return page(title, content, status=409 if note else 200, form_action="'self'")


def _qr_code(plan: Plan, status: str, settings: SimulatorSettings) -> str:
    """The code that the merchant was given, drawn; and its text, for whoever can't scan it."""
    import segno

    unreadable = "<p>What the merchant was given is no text that a QR code can show.</p>"
    content = qr_content(plan, status, settings)
    if not content:
        return unreadable
    try:
        code = segno.make_qr(content, error="m", boost_error=False)
    except ValueError:  # more than a code can hold: someone mutated the row
        return unreadable
    # Black on white in the dark as well: cameras need it.
    drawn = code.svg_inline(border=4, dark="#000", light="#fff", svgclass=None, lineclass=None, omitsize=True)
    return (
        f'<div class="qr" role="img" aria-label="QR code of this payment">{drawn}</div>\n'
        f"<details><summary>Text of the code</summary><code>{escape(content)}</code></details>\n"
    )


def qr_content(plan: Plan, status: str, settings: SimulatorSettings) -> str:
    """The QR text as the gateway sends it; empty if the row was spoilt."""
    channel = json.loads(single_row(plan, status, settings)).get("qris")
    content = channel.get("content") if isinstance(channel, dict) else None
    return content if isinstance(content, str) else ""


def _index(world: World) -> Answer:
    """The latest payments of all projects, the newest first."""
    created = []
    for key in tuple(world.ledgers):
        with world.open(key) as ledger:
            created += [
                plan for plan in ledger.plans.values() if is_payable(plan) and ledger.is_created(plan)
            ]
    latest = heapq.nlargest(LATEST_MAX, created, key=lambda plan: (plan.created_s, plan.id))
    items = "".join(_item(world, plan) for plan in latest)
    empty = (
        "<p>There is no payment yet. Create one with <code>POST /api/qris</code>, for example with "
        "<code>SenGoCreateQrisOperator</code>, then look here again.</p>"
    )
    content = (
        "<p>This stands in for two payment gateways, SenGo (QRIS, under <code>/api</code>) and senangPay (cards, "
        "under <code>/apiv1</code> and <code>/tokenization</code>), so that you can try everything without an "
        "account. No money moves, nothing leaves this machine. Open a payment to play its customer.</p>\n"
        f"<h2>Latest QRIS payments</h2>\n{f'<ul>{items}</ul>' if items else empty}\n"
        f'<p><a href="/">Look again</a></p>\n<p>The simulator\'s clock: {_time(world.now_s())}.</p>'
    )
    return page("SenGo simulator", content)


def _item(world: World, plan: Plan) -> str:
    amount = _rupiah(total_rupiah(plan, world.settings))
    status = status_at(plan, world.now_s())
    return (
        f'<li><a href="{escape(_address(plan))}">{escape(plan.reference)}, {amount}</a><br>'
        f"{WORDS[status]}; created {_time(plan.created_s)}</li>\n"
    )


def _unknown(text: str) -> Answer:
    content = (
        f"<p>{escape(text)} Payments are gone when the simulator starts anew.</p>\n"
        '<p><a href="/">All payments</a></p>'
    )
    return page("Not found", content, status=404)


def _rupiah(amount: int) -> str:
    return f"IDR {amount:,}"


def _time(at_s: float) -> str:
    return f"{iso_jakarta(at_s)[:19].replace('T', ' ')} Asia/Jakarta"


def left_text(seconds: float) -> str:
    """How long that is, in days, hours, minutes and seconds; the two largest that count."""
    left, parts = max(0, int(seconds)), []
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}{'s' if count > 1 else ''}")
    return " ".join(parts[:2]) or "less than a second"
