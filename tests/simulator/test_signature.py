# SPDX-License-Identifier: Apache-2.0
"""Signatures: the fact sheet's vectors (computed by PHP and Python alike) and the three ways to verify."""

import json

import pytest

from airflow_provider_sengo.simulator.php_json import php_decode
from airflow_provider_sengo.simulator.signature import is_signed, sign

KEY, TOKEN = "SC-EXAMPLE000000001", "example-token-not-a-real-secret-0001"
BODY = (
    rb'{"reference":"REFF012","amount":10000,"expiryMinutes":30,"viewName":"%s",'
    rb'"additionalInfo":{"callback":"http:\/\/your-site-callback.com\/notify"}}'
)
ACCENTED = rb"Caf\u00e9\/Bar \"Senja\" \ud83d\ude00"
VECTORS = [
    (
        b"",
        (
            "6add4f2e5d95160dba31a7b429ad38429a820621ffe67f556d711c25459093ab"
            "1c1ea16f8d7ab2bb1ae42c76e8a90a2c4ae4752e9310d13463d796a80de7c7b6"
        ),
    ),
    (
        BODY % b"Merchant Name",
        (
            "7d11116d2417be0264961843abc2834499f3fa1f0e043d55e1e63955ffddb501"
            "3e2002e6887c5b2ba692f25cab4e7b711622583445ec847fc4298917e2dd8085"
        ),
    ),
    (
        BODY % ACCENTED,
        (
            "63b96bffdc2ceb0458a7a2fa2206c7b0d4b20c34d1b8a63f051b7c59372c2667"
            "3ef29f85ba28539f29b35fff9cf341338a336108155b95edeb6aaa75294ee1a4"
        ),
    ),
]


@pytest.mark.parametrize(("body", "signature"), VECTORS)
def test_vectors(body, signature):
    """HMAC-SHA512 over key + body with the token gives the published vectors."""
    assert sign(KEY, TOKEN, body) == signature


CANONICAL = BODY % b"Merchant Name"
PRETTY = json.dumps(json.loads(CANONICAL), indent=2).encode()


@pytest.mark.parametrize(
    ("sent", "signed", "raw", "reencode"),
    [
        (CANONICAL, CANONICAL, True, True),
        (PRETTY, PRETTY, True, False),
        (PRETTY, CANONICAL, False, True),
        (CANONICAL, b"", False, False),
        (b'{"a":{}}', b'{"a":{}}', True, False),
        (b'{"a":10000.0}', b'{"a":10000.0}', True, False),
        (rb'{"a":"\u007f"}', rb'{"a":"\u007f"}', True, False),
        (b'{"b":1,"a":2}', b'{"b":1,"a":2}', True, True),
        (b'{"b":1,"a":2}', b'{"a":2,"b":1}', False, False),
    ],
)
def test_which_server_accepts_which_text(sent, signed, raw, reencode):
    """Raw and re-encoding servers differ as in the fact sheet's table; ``both`` wants both."""
    wanted = {"raw": raw, "reencode": reencode, "both": raw and reencode}
    signature = sign(KEY, TOKEN, signed)

    for verify, accepted in wanted.items():
        assert accepted == is_signed(
            signature,
            client_key=KEY,
            client_token=TOKEN,
            body=sent,
            decoded=php_decode(sent),
            verify=verify,
        )


def test_laravel_input_is_trimmed_before_it_is_signed():
    """With Laravel's middleware a trailing blank or an empty string breaks the re-encoded signature."""
    for text, accepted in (('{"a":"x"}', True), ('{"a":"x "}', False), ('{"a":""}', False)):
        body = text.encode()
        assert accepted == is_signed(
            sign(KEY, TOKEN, body),
            client_key=KEY,
            client_token=TOKEN,
            body=body,
            decoded=json.loads(body),
            verify="both",
            laravel_input=True,
        )
