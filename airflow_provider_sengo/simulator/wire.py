# SPDX-License-Identifier: Apache-2.0
"""The bytes of one transaction, as PHP would write them.

Sources: docs.sengo.id/extras/transactions (list, check) and /fund-acceptance/qris (create).
A plan's ``patch`` changes what is sent without changing what is true: ``name: value`` sets a field,
``REMOVE`` takes it out, ``RAW`` is JSON text put at the end of the object as it stands (duplicate keys).
Which patches make an odd row is ``odd``'s; the envelope around rows is ``answers``'s.
"""

import json
from typing import Any

from .clock import iso_jakarta
from .php_json import encode_text
from .plan import Plan, settles_at_s
from .qr_text import LOREM_IPSUM, qris_text
from .settings import SimulatorSettings

REMOVE = "\x00remove"
RAW = "\x00raw"
BANKS = ("014", "008", "002", "009", "013", "011", "022", "153")
WALLETS = ("ovo", "dana", "shopeepay", "linkaja", "gopay")
NAMES = ("Siti Rahma", "Budi Santoso", "Dewi Lestari", "Agus Wijaya", "Rina Marlina", "Joko Susilo")


def listed_row(plan: Plan, status: str, settings: SimulatorSettings) -> bytes:
    """The row of a listing: with paidDate and settleDate."""
    return _row(plan, status, settings, with_dates=True)


def single_row(plan: Plan, status: str, settings: SimulatorSettings) -> bytes:
    """The object of a create or check answer; the samples show no paidDate and settleDate there."""
    return _row(plan, status, settings, with_dates=settings.dates_in_single)


def total_rupiah(plan: Plan, settings: SimulatorSettings) -> int:
    """Amount plus fee if the customer pays it; a payout's customer gets the fee less (switchable)."""
    if not plan.customer_pays:
        return plan.amount
    if plan.type == "cashOut" and settings.payout_total == "minus":
        return plan.amount - plan.fee
    return plan.amount + plan.fee


def _row(plan: Plan, status: str, settings: SimulatorSettings, *, with_dates: bool) -> bytes:
    dates = ""
    if with_dates:
        is_paid = status == "success"
        paid = f'"{iso_jakarta(plan.paid_s)}"' if is_paid and plan.paid_s is not None else "null"
        settled = iso_jakarta(settles_at_s(plan) if is_paid else plan.created_s)
        dates = f'"paidDate":{paid},"settleDate":"{settled}",'
    callback = "null" if plan.callback is None else encode_text(plan.callback)
    text = (
        f'{{"id":{encode_text(plan.id)},"merchantRef":{encode_text(plan.reference)},"status":"{status}",'
        f'"feePayer":"{"customer" if plan.customer_pays else "merchant"}","amount":{plan.amount},'
        f'"fee":{plan.fee},"totalAmount":{total_rupiah(plan, settings)},'
        f'"expiredDate":"{iso_jakarta(plan.expires_s)}",{dates}"additionalInfo":{{"callback":{callback}}},'
        f'"{plan.channel}":{_channel(plan, settings)}}}'
    )
    return (_patched(text, plan.patch) if plan.patch else text).encode()


def _channel(plan: Plan, settings: SimulatorSettings) -> str:
    """The channel's object; its details follow from the id, so that no plan has to keep them."""
    number = int.from_bytes(plan.id[-6:].encode())
    name = encode_text(plan.view_name or NAMES[number % len(NAMES)])
    if plan.channel == "qris":
        emv = settings.qris_content == "emv"
        content = qris_text(plan.id, total_rupiah(plan, settings)) if emv else LOREM_IPSUM
        return f'{{"content":{encode_text(content)},"url":""}}'
    if plan.channel == "virtualAccount":
        bank = BANKS[number % len(BANKS)]
        return f'{{"bankCode":"{bank}","vaNumber":"8808{number % 10**12:012}","viewName":{name}}}'
    if plan.channel == "eWallet":
        wallet = WALLETS[number % len(WALLETS)]
        return f'{{"viewName":{name},"channel":"{wallet}","url":"https:\\/\\/wallet.invalid\\/{number}"}}'
    if plan.channel == "retail":
        shop = ("alfamart", "indomaret")[number % 2]
        return f'{{"viewName":{name},"channel":"{shop}","paymentCode":"{number % 10**12:012}"}}'
    bank_code = f'"{BANKS[number % len(BANKS)]}"' if number % 7 else "null"
    return f'{{"bankCode":{bank_code},"recipientAccount":"{number % 10**16:016}","recipientName":{name}}}'


def _patched(text: str, patch: dict[str, Any]) -> str:
    fields = json.loads(text)
    for name, value in patch.items():
        if name == RAW:
            continue
        if value == REMOVE:
            fields.pop(name, None)
        else:
            fields[name] = value
    # Python's own JSON here: odd rows want floats, non-ASCII and numbers as they were given.
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return f"{body[:-1]},{patch[RAW]}}}" if RAW in patch else body


def shown_fields(plan: Plan, status: str) -> tuple[str | None, int | None]:
    """The status and amount that a reader can take from the row: None where a patch spoilt them.

    Of keys that stand twice the last one counts.
    """
    if not plan.patch:
        return status, plan.amount
    shown: dict[str, Any] = {"status": status, "amount": plan.amount} | plan.patch
    if RAW in plan.patch:
        shown |= json.loads("{" + plan.patch[RAW] + "}")
    word, amount = shown["status"], shown["amount"]
    is_readable = type(amount) is int and abs(amount) < 2**63
    return (word if isinstance(word, str) and word != REMOVE else None), (amount if is_readable else None)
