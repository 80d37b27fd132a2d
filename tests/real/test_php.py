# SPDX-License-Identifier: Apache-2.0
"""PHP itself as the witness for ``php_json`` and the HMAC; ``python tests/real/test_php.py`` renews vectors.

The gateway is written in PHP; what its ``json_encode`` does is measured here, not remembered. One PHP
process answers for all bodies.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from witnesses import is_absent

from airflow_provider_sengo.protocol.signing import php_json, sengo_signature

KEY = "SC-EXAMPLE000000001"
TOKEN = "example-token-not-a-real-secret-0001"
SEED = 20250323
BODIES = 3_000
VECTORS = 300
VECTOR_FILE = Path(__file__).parent.parent / "protocol" / "php_json_vectors.json"

# Reads one base64 JSON text a line. Decodes it both ways, encodes it again, signs the array reading.
ENCODE_AGAIN = r"""
while (($line = fgets(STDIN)) !== false) {
    $text = base64_decode(trim($line), true);
    $as_array = json_encode(json_decode($text, true));
    $as_object = json_encode(json_decode($text));
    echo base64_encode((string) $as_array), ' ', base64_encode((string) $as_object), ' ',
        hash_hmac('sha512', $argv[1] . $as_array, $argv[2]), "\n";
}
"""

# Every code point that trim() or Laravel's Str::trim (11.x) would cut off the front of a string.
TRIMMED = r"""
$invisible = '\x{0009}\x{0020}\x{00A0}\x{00AD}\x{034F}\x{061C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180E}'
    . '\x{2000}-\x{200F}\x{202F}\x{205F}\x{2060}-\x{2065}\x{206A}-\x{206F}\x{3000}\x{2800}\x{3164}\x{FEFF}'
    . '\x{FFA0}\x{1D159}\x{1D173}-\x{1D17A}\x{E0020}';
for ($point = 0; $point < 0x110000; $point++) {
    if ($point >= 0xD800 && $point <= 0xDFFF) continue;
    $character = $point < 0x80 ? chr($point) : ($point < 0x800 ? '' : ($point < 0x10000
        ? chr(0xE0 | $point >> 12) : chr(0xF0 | $point >> 18) . chr(0x80 | $point >> 12 & 0x3F))
        . chr(0x80 | $point >> 6 & 0x3F)) . chr(0x80 | $point & 0x3F);
    if ($point >= 0x80 && $point < 0x800) $character = chr(0xC0 | $point >> 6) . $character;
    if (trim($character) === '' || preg_match('~^[\s' . $invisible . '\x{0}]+~u', $character)) {
        echo $point, "\n";
    }
}
"""


@pytest.fixture(scope="module")
def php() -> str:
    """Where PHP is. Without it: a failure where witnesses are required, else a skip that says so."""
    found = shutil.which("php")
    if found is None:
        is_absent(
            "php is not installed (apt-get install php-cli); its checked-in vectors are tested all the same"
        )
    return found


def _run(php: str, program: str, *arguments: str, lines: list[bytes] | None = None) -> list[str]:
    done = subprocess.run(
        [php, "-n", "-d", "memory_limit=512M", "-r", program, "--", *arguments],
        input=b"\n".join(lines or []),
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == b""
    return done.stdout.decode("ascii").splitlines()


def encode_again(php: str, texts: list[str]) -> list[tuple[bytes, bytes, str]]:
    """For each JSON text: json_encode of its array reading, of its object reading, HMAC of the first."""
    lines = [base64.b64encode(text.encode("utf-8", "surrogatepass")) for text in texts]
    answers = [line.split(" ") for line in _run(php, ENCODE_AGAIN, KEY, TOKEN, lines=lines)]
    assert len(answers) == len(texts)
    return [(base64.b64decode(array), base64.b64decode(obj), hmac) for array, obj, hmac in answers]


def random_bodies(seed: int, count: int) -> list[dict[str, Any]]:
    """Bodies that ``php_json`` takes: all sorts of text, ints to the edge of 64 bits, nested."""
    source = random.Random(seed)
    bodies: list[dict[str, Any]] = []
    while len(bodies) < count:
        body = {_text(source, 12) or "k": _value(source, 0) for _ in range(source.randint(1, 5))}
        try:
            php_json(body)
        except ValueError:  # an end that may be trimmed, or keys 0, 1, ...
            continue
        bodies.append(body)
    return bodies


def _value(source: random.Random, depth: int) -> Any:
    kind = source.randint(0, 9 if depth < 4 else 7)
    if kind <= 3:
        return _text(source, 24) or "x"
    if kind <= 6:
        edge = source.choice([2**63 - 1, -(2**63), 0, 1, -1, 10000, 2**53 + 1])
        return source.choice([edge, source.randint(-(2**63), 2**63 - 1), source.randint(0, 10**7)])
    if kind == 7:
        return source.choice([True, False, None])
    if kind == 8:
        return [_value(source, depth + 1) for _ in range(source.randint(0, 4))]
    return {_text(source, 8): _value(source, depth + 1) for _ in range(source.randint(1, 4))}


def _text(source: random.Random, longest: int) -> str:
    return "".join(_character(source) for _ in range(source.randint(0, longest)))


def _character(source: random.Random) -> str:
    kind = source.randint(0, 9)
    if kind <= 4:
        return chr(source.randint(0x20, 0x7E))
    if kind == 5:
        return source.choice("/\\\"<>&'")
    if kind == 6:
        return chr(source.randint(0, 0x1F))
    if kind == 7:
        return source.choice("éßñ漢字\u200e\u2028\u2029\ufffd\uffff\u0080\u07ff\u0800")
    if kind == 8:
        return chr(source.randint(0x10000, 0x10FFFF))
    return chr(source.choice([source.randint(0xA0, 0xD7FF), source.randint(0xE000, 0xFFFF)]))


def test_php_writes_the_same_bytes_and_signature(php: str) -> None:
    """Over thousands of random bodies, PHP's json_encode and hash_hmac give ours, in both readings."""
    bodies = random_bodies(SEED + 1, BODIES)
    # Python's own plain text goes in, so that PHP's answer owes nothing to php_json.
    for body, (array, obj, hmac) in zip(
        bodies, encode_again(php, [json.dumps(b) for b in bodies]), strict=True
    ):
        ours = php_json(body)
        assert array == ours
        assert obj == ours
        assert hmac == sengo_signature(KEY, TOKEN, ours)


def test_the_checked_in_vectors_are_this_phps(php: str) -> None:
    """The vectors that run everywhere are what this PHP answers today."""
    stored = json.loads(VECTOR_FILE.read_text())["vectors"]
    fresh = encode_again(php, [json.dumps(vector["body"]) for vector in stored])
    assert [(v["json_encode"].encode(), v["hash_hmac"]) for v in stored] == [(a, h) for a, _, h in fresh]


@pytest.mark.parametrize(
    "body",
    [{"a": 1.0}, {"a": 1e22}, {"a": {}}, {"a": 2**63}, {"a": "x\x7fy"}, {"a": {"0": 1}}, {"a": "x\ud800y"}],
    ids=lambda body: repr(body["a"]),
)
def test_what_we_refuse_php_does_change(php: str, body: dict[str, Any]) -> None:
    """Each refused body comes back from PHP as other bytes, so the refusal is needed."""
    with pytest.raises(ValueError, match=r"^a: "):
        php_json(body)
    text = json.dumps(body, separators=(",", ":")).replace("/", "\\/")
    assert encode_again(php, [text])[0][0] != text.encode()


def test_our_blanks_are_phps(php: str) -> None:
    """Of all code points, exactly those that PHP or Laravel would trim are refused at an end."""

    def is_refused(character: str) -> bool:
        try:
            php_json([f"{character}x"])
        except ValueError as error:
            return "blank" in str(error)
        return False

    points = [point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
    assert [point for point in points if is_refused(chr(point))] == [int(line) for line in _run(php, TRIMMED)]


def _write_vectors() -> None:
    found = shutil.which("php")
    assert found, "php is needed to make its vectors"
    bodies = random_bodies(SEED, VECTORS)
    answers = encode_again(found, [json.dumps(body) for body in bodies])
    rows = [
        json.dumps({"body": body, "json_encode": array.decode("ascii"), "hash_hmac": hmac})
        for body, (array, _, hmac) in zip(bodies, answers, strict=True)
    ]
    head = f'{{"client_key": {json.dumps(KEY)}, "client_token": {json.dumps(TOKEN)}, "vectors": [\n'
    VECTOR_FILE.write_text(head + ",\n".join(rows) + "\n]}\n")


if __name__ == "__main__":
    _write_vectors()
