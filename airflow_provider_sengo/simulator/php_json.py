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
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(r"[\[\]{}]")
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
        if _nesting(text) >= NESTING_MAX:
            raise PhpJsonError("nested too deeply")
        value = json.loads(
            text, parse_int=_parse_int, parse_constant=_refuse_constant, object_pairs_hook=_as_php_array
        )
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate has no UTF-8
    except (ValueError, RecursionError) as error:
        raise PhpJsonError("undecodable") from error
    return value


def php_encode(value: Any) -> str:
    """Encode as ``json_encode($value)`` does with no flags: escaped slashes, ASCII but for U+007F."""
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def _write(value: Any, parts: list[str]) -> None:
    """One frame a level, so that PHP's 511 levels fit into Python's recursion limit."""
    if isinstance(value, list | tuple):
        separator = "["
        for member in value:
            parts.append(separator)
            _write(member, parts)
            separator = ","
        parts.append("]" if value else "[]")
    elif isinstance(value, dict):
        separator = "{"
        for name, member in value.items():
            parts.append(f"{separator}{encode_text(str(name))}:")
            _write(member, parts)
            separator = ","
        parts.append("}" if value else "{}")
    else:
        parts.append(_scalar(value))


def _scalar(value: Any) -> str:
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


def _as_php_array(pairs: list[tuple[str, Any]]) -> Any:
    """PHP has one array type: an object whose keys are 0, 1, 2.. in order encodes as a list again."""
    members = dict(pairs)  # of a key that stands twice: the last value, at the first place
    if list(members) == [str(index) for index in range(len(members))]:
        return list(members.values())
    return members


def _nesting(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
