# SPDX-License-Identifier: Apache-2.0
"""senangPay's POST endpoints: charges, the toggle, validation, who may call them and in which form."""

import json

import pytest

from airflow_provider_sengo.simulator.senangpay_tokens import DECLINES


@pytest.fixture
def token(merchant):
    return merchant.world.senangpay.issue_token()


def test_a_charge(merchant, token):
    """A charge is answered as documented, signed, and is in the ledger once."""
    reply = merchant.charge(token)
    assert list(reply) == ["status", "transaction_id", "order_id", "amount_paid", "msg", "hash"]
    assert (reply["status"], reply["order_id"], reply["amount_paid"]) == (1, "123", 200)
    assert reply["msg"] == "Payment was successful"
    assert reply["transaction_id"].startswith(str(int(merchant.world.now_s())))
    assert merchant.is_signed(reply)
    (charge,) = merchant.world.charges("123")
    assert (charge["transaction_id"], charge["amount_sen"]) == (reply["transaction_id"], 200)
    assert charge["token_ending"] == token[-4:]
    assert merchant.world.charges("124") == []


def test_tokens_are_64_hex_and_repeatable(merchant):
    """Card tokens look as the newest samples do and follow from the seed."""
    first = [merchant.world.senangpay.issue_token() for _ in range(3)]
    merchant.world.reset()
    assert [merchant.world.senangpay.issue_token() for _ in range(3)] == first
    assert len(set(first)) == 3
    assert all(len(token) == 64 and int(token, 16) for token in first)


@pytest.mark.parametrize(("rule", "charges"), [("accept", 2), ("reject", 1)])
def test_duplicate_orders(merchant, token, rule, charges):
    """A repeated order id charges again, unless uniqueness is switched on."""
    merchant.world.configure(senangpay={"duplicate_orders": rule})
    merchant.charge(token)
    reply = merchant.charge(token)
    assert (reply["status"], len(merchant.world.charges("123"))) == (int(rule == "accept"), charges)
    if rule == "reject":
        assert reply == {"status": 0, "msg": "Duplicate order id"}


@pytest.mark.parametrize("decline", ["Insufficient funds", "5"])
def test_a_decline(merchant, decline):
    """A bank's decline moves no money and is signed like a payment."""
    reply = merchant.charge(merchant.world.senangpay.issue_token(decline=decline))
    assert (reply["status"], reply["msg"], reply["amount_paid"]) == (0, DECLINES["5"], 0)
    assert merchant.is_signed(reply)
    assert merchant.world.charges() == []
    assert [one["status"] for one in merchant.world.senangpay.attempts("123")] == ["failed"]


def test_switches_of_a_decline(merchant):
    """A decline may lack id and hash and may tell the amount; numbers may come as text."""
    token = merchant.world.senangpay.issue_token(decline="2")
    switches = {"decline_amount_paid": "amount", "status_type": "text", "amount_type": "text"}
    merchant.world.senangpay.configure(declines_have_transaction_id=False, **switches)
    reply = merchant.charge(token)
    assert (reply["status"], reply["amount_paid"], "transaction_id" in reply) == ("0", "200", False)
    assert merchant.is_signed(reply)
    merchant.world.senangpay.configure(declines_have_hash=False)
    assert "hash" not in merchant.charge(token)


def test_late_bank_answers_can_be_set_up(merchant):
    """A token's truth can be changed behind the client's back: failed first, paid with the next charge."""
    token = merchant.world.senangpay.issue_token(decline="3")
    merchant.charge(token)
    merchant.world.senangpay.set_token(token, decline=None)
    merchant.charge(token)
    assert merchant.statuses() == ["failed", "paid"]


@pytest.mark.parametrize(
    ("changes", "msg"),
    [
        ({"order_id": "12 3"}, "order_id is invalid"),
        ({"order_id": "12-3"}, "order_id is invalid"),
        ({"order_id": "9" * 101}, "order_id is invalid"),
        ({"amount": "2.00"}, "amount is invalid"),
        ({"amount": "0"}, "amount is invalid"),
        ({"amount": "-5"}, "amount is invalid"),
        ({"name": "N" * 101}, "name is longer than 100 characters"),
        ({"detail": "D" * 101}, "detail is longer than 100 characters"),
        ({"email": ""}, "email is required"),
    ],
)
def test_refused_fields(merchant, token, changes, msg):
    """A wrong field is status 0 with a text, no transaction id and no hash; no money moves."""
    assert merchant.charge(token, **changes) == {"status": 0, "msg": msg}
    assert merchant.world.charges() == []


def test_refused_requests(merchant, token):
    """Hash, unknown and disabled tokens are refused; on request with all fields, signed."""
    fields = merchant.signed(token) | {"hash": "0" * 64}
    assert json.loads(merchant.post("pay_cc", fields)[2])["msg"] == "Invalid hash"
    assert merchant.charge("f" * 64)["msg"] == "Invalid token"
    off = merchant.world.senangpay.issue_token(enabled=False)
    assert merchant.charge(off) == {"status": 0, "msg": "Credit card is disabled"}
    merchant.world.senangpay.configure(refusals_are_full=True)
    reply = merchant.charge(off)
    assert reply["transaction_id"]
    assert merchant.is_signed(reply)
    assert merchant.charge(off, amount="2.00")["amount_paid"] == 0
    assert merchant.world.senangpay.attempts() == []


def test_input_rules_have_switches(merchant, token):
    """Dashes in order ids and trimming before hashing are off until switched on."""
    merchant.world.senangpay.configure(order_id_dash=True, trim_input=True)
    assert merchant.charge(token, order_id="A-1")["status"] == 1
    padded = merchant.signed(token) | {"name": " Abu Bin Ali "}
    assert json.loads(merchant.post("pay_cc", padded)[2])["status"] == 1


def multipart(fields):
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return f"{parts}--b--\r\n".encode()


def test_forms_and_json(merchant, token):
    """Both kinds of form are read always, JSON unless switched off, anything else never."""
    fields = merchant.signed(token, name="Siti Nurhaliza Özil")

    def post(content_type, body):
        sent = merchant.basic() | {"Content-Type": content_type}
        return json.loads(merchant.world.handle("POST", "/apiv1/pay_cc", sent, body)[2])["status"]

    assert post("multipart/form-data; boundary=b", multipart(fields)) == 1
    assert post("application/json", json.dumps(fields | {"amount": 200}).encode()) == 1
    assert post("application/json", b"[1]") == 0
    assert post("application/json", b"{") == 0
    assert post("multipart/form-data", multipart(fields)) == 0
    assert post("text/plain", b"a=1") == 0
    assert post("application/x-www-form-urlencoded", b"a=1&" * 200) == 0
    merchant.world.senangpay.configure(accept_json=False)
    assert post("application/json", json.dumps(fields).encode()) == 0
    assert "no form" in merchant.world.requests().entries[-1]["notes"][0]
    assert len(merchant.world.charges()) == 2


@pytest.mark.parametrize("wrong", [25.5, True, None, "\ud800", [200]])
def test_json_amounts_are_whole(merchant, token, wrong):
    """No JSON value but a whole number, or its digits, is an amount."""
    body = json.dumps(merchant.signed(token) | {"amount": wrong}).encode()
    sent = merchant.basic() | {"Content-Type": "application/json"}
    reply = json.loads(merchant.world.handle("POST", "/apiv1/pay_cc", sent, body)[2])
    assert reply == {"status": 0, "msg": "amount is invalid"}


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Bearer x", "Basic %%%", "Basic NTQzMTYwNDY0ODA1NTc0", "Basic eDo="]
)
def test_wrong_basic_users(merchant, token, authorization):
    """Without the merchant id and its colon there is 401 with a challenge, or 200 by a switch."""
    sent = merchant.basic() | {"Authorization": authorization}
    status, headers, body = merchant.post("pay_cc", merchant.signed(token), sent)
    assert (status, json.loads(body)) == (401, {"status": 0, "msg": "Invalid Merchant"})
    assert headers["www-authenticate"].startswith("Basic")
    merchant.world.senangpay.configure(bad_auth_status=200)
    assert merchant.post("pay_cc", merchant.signed(token), sent)[0] == 200
    assert merchant.world.charges() == []


def test_a_basic_password_is_refused_and_recorded(merchant, token):
    """A secret in the password is a leak: refused, noted, never kept; on queries, too."""
    sent = merchant.basic(password=merchant.secret)
    assert merchant.post("pay_cc", merchant.signed(token), sent)[0] == 401
    entry = merchant.world.requests().entries[-1]
    assert "password" in entry["notes"][0]
    assert merchant.secret not in json.dumps(entry)
    assert merchant.world.handle("GET", "/apiv1/query_order_status?order_id=1", sent)[0] == 401
    merchant.world.senangpay.configure(accept_password=True)
    assert json.loads(merchant.post("pay_cc", merchant.signed(token), sent)[2])["status"] == 1
    assert "password" in merchant.world.requests().entries[-1]["notes"][0]


def test_a_secret_in_the_body_is_recorded(merchant, token):
    """The secret key must not stand in a request at all."""
    merchant.post("pay_cc", merchant.signed(token) | {"secret": merchant.secret})
    assert "secret key" in merchant.world.requests().entries[-1]["notes"][0]


def test_the_toggle_flips(merchant, token):
    """update_token_status disables, enables and tells only by its text; there is no status field."""
    replies = [json.loads(merchant.post("update_token_status", {"token": token})[2]) for _ in range(3)]
    words = ["disabled", "enabled", "disabled"]
    assert replies == [{"msg": f"Credit card successfully {word}", "token": token} for word in words]
    truth = merchant.world.senangpay.token(token)
    assert (truth["enabled"], truth["toggles"]) == (False, 3)
    assert json.loads(merchant.post("update_token_status", {"token": "x"})[2])["msg"] == "Invalid token"


def test_validation(merchant, token):
    """validate_token says 1 for an enabled card, 0 for a disabled one unless switched, and moves no money."""

    def validate(card):
        return json.loads(merchant.post("validate_token", {"token": card})[2])

    assert validate(token) == {"status": 1, "msg": "Card has been successfully verified", "token": token}
    off = merchant.world.senangpay.issue_token(enabled=False, card="4000000000000002")
    assert validate(off) == {"status": 0, "msg": "Credit card is disabled", "token": off}
    merchant.world.senangpay.configure(disabled_validates=True)
    assert validate(off)["status"] == 1
    assert validate("nobody")["status"] == 0
    assert merchant.world.senangpay.attempts() == []
    assert [(one["brand"], one["last_four"]) for one in merchant.world.senangpay.tokens()] == [
        ("mc", "1118"),
        ("vs", "0002"),
    ]


def test_routes(merchant):
    """Unknown paths are 404, wrong methods 405."""
    assert merchant.world.handle("POST", "/apiv1/get_payment_token", merchant.basic())[0] == 404
    assert merchant.world.handle("GET", "/apiv1/pay_cc", merchant.basic())[0] == 405


def test_content_types_of_answers(merchant, token):
    """JSON may come under PHP's default content type."""
    merchant.world.senangpay.configure(content_type="text/html; charset=UTF-8")
    _, headers, body = merchant.post("pay_cc", merchant.signed(token))
    assert headers["content-type"] == "text/html; charset=UTF-8"
    assert json.loads(body)["status"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"duplicate_orders": "maybe"},
        {"charges_shown_by": ["nobody"]},
        {"secret_key": ""},
        {"merchant_id": "x"},
        {"content_type": "a\r\nb: c"},
        {"return_url": "https://shop.example/"},
        {"callback_url": "http://10.0.0.1/"},
        {"colour": "red"},
    ],
)
def test_wrong_switches_are_refused(merchant, wrong):
    """An unknown switch or value, or an address elsewhere, is a ValueError and changes nothing."""
    before = merchant.world.settings
    with pytest.raises(ValueError, match=r".+"):
        merchant.world.configure(senangpay=wrong)
    assert merchant.world.settings == before


def test_switches_are_merged(merchant):
    """Changing one switch leaves the others; reset undoes all."""
    merchant.world.senangpay.configure(status_type="text")
    settings = merchant.world.senangpay.configure(duplicate_orders="reject")
    assert (settings.status_type, settings.duplicate_orders) == ("text", "reject")
    merchant.world.reset()
    assert merchant.world.senangpay.settings.status_type == "int"
