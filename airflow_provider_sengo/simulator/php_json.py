# SPDX-License-Identifier: Apache-2.0
"""What PHP's ``json_decode`` and ``json_encode`` do to a body, written for the simulator alone.

The provider has its own PHP JSON; this one shares no line with it, so that a mistake in either shows.
Pure: text in, text out.
"""

import json
import math
import re
from typing import Any

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
NESTING_MAX = 512  # json_decode's default depth; nesting of 512 or more fails
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SPECIAL = re.compile(r'["\\/\x00-\x1f\x80-\U0010ffff]')
_SHORT = {
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


class PhpJsonError(ValueError):
    """The text does not decode, or the value does not encode, in PHP."""


def php_decode(body: bytes) -> Any:
    """Decode as ``json_decode($body, true)`` does: empty objects and 0,1,2.. keys become lists."""
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_int=_parse_int, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise PhpJsonError("undecodable") from error
    return _as_php_arrays(value, 1)


def php_encode(value: Any) -> str:
    """Encode as ``json_encode($value)`` does with no flags: escaped slashes, ASCII but for U+007F."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, int):
        return str(value) if INT64_MIN <= value <= INT64_MAX else _encode_float(float(value))
    if isinstance(value, float):
        return _encode_float(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(php_encode, value)) + "]"
    if isinstance(value, dict):
        members = (f"{encode_text(str(name))}:{php_encode(member)}" for name, member in value.items())
        return "{" + ",".join(members) + "}"
    raise PhpJsonError(f"unencodable {type(value).__name__}")


def encode_text(text: str) -> str:
    """One JSON string as PHP writes it; a lone surrogate cannot exist in PHP and is refused."""
    if text.isascii() and text.replace("-", "").isalnum():
        return f'"{text}"'  # ids and references, which are most of the texts
    if _LONE_SURROGATE.search(text):
        raise PhpJsonError("lone surrogate")
    return '"' + _SPECIAL.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _encode_float(number: float) -> str:
    """``serialize_precision=-1``: shortest digits, no zero fraction, exponent outside 1e-4 .. 1e17."""
    if math.isnan(number) or math.isinf(number):
        raise PhpJsonError("not a finite number")
    if number == 0:
        return "-0" if math.copysign(1.0, number) < 0 else "0"
    mantissa, _, exponent_text = f"{number:.17e}".partition("e")
    for precision in range(17):  # the fewest digits that read back as the same double
        mantissa, _, exponent_text = f"{number:.{precision}e}".partition("e")
        if float(f"{mantissa}e{exponent_text}") == number:
            break
    sign = "-" if number < 0 else ""
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0")
    exponent = int(exponent_text)
    if exponent >= 17 or exponent < -4:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}e{exponent:+d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    if len(digits) <= exponent + 1:
        return sign + digits + "0" * (exponent + 1 - len(digits))
    return f"{sign}{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def _parse_int(digits: str) -> int | float:
    number = int(digits) if len(digits) <= 20 else None
    if number is not None and INT64_MIN <= number <= INT64_MAX:
        return number
    return float(digits)


def _refuse_constant(name: str) -> Any:
    raise PhpJsonError(f"{name} is not JSON")


def _as_php_arrays(value: Any, depth: int) -> Any:
    """PHP has one array type: an object whose keys are 0, 1, 2.. in order encodes as a list again."""
    if isinstance(value, str):
        if _LONE_SURROGATE.search(value):
            raise PhpJsonError("lone surrogate")
        return value
    if not isinstance(value, dict | list):
        return value
    if depth >= NESTING_MAX:
        raise PhpJsonError("nested too deeply")
    if isinstance(value, list):
        return [_as_php_arrays(member, depth + 1) for member in value]
    members = {name: _as_php_arrays(member, depth + 1) for name, member in value.items()}
    if any(_LONE_SURROGATE.search(name) for name in members):
        raise PhpJsonError("lone surrogate")
    if list(members) == [str(index) for index in range(len(members))]:
        return list(members.values())
    return members
