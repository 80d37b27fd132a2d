# SPDX-License-Identifier: Apache-2.0
"""An Airflow connection, read into what the gateway's calls need. Pure: nothing is fetched or masked.

JSON, every spelling of a URI, and the form mean the same: extras may come as text, null and "" mean
absent. A wrong, missing or odd field is a ValueError that names connection, field, rule and fix; the
value itself never stands in it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_provider_sengo.connection_fields import SENANGPAY, SENGO, ConnectionType, ExtraField
from airflow_provider_sengo.hooks.base_url import FieldError, base_url
from airflow_provider_sengo.protocol import senangpay, sengo
from airflow_provider_sengo.transport.options import TransportOptions

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

_TRANSPORT_EXTRAS = frozenset(
    {"timeout_s", "deadline_s", "max_attempts", "requests_per_second", "proxy", "ca_bundle"}
)
_WHOLE = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_VISIBLE = re.compile(r"[\x21-\x7e]+")  # what an HTTP header carries without any re-coding


@dataclass(frozen=True, slots=True, kw_only=True)
class SenGoConnection:
    """All that one ``sengo`` connection says; its repr shows no secret."""

    conn_id: str
    credentials: sengo.Credentials = field(repr=False)
    options: TransportOptions = field(repr=False)
    callback_url: str | None = None

    def secrets(self) -> tuple[str, ...]:
        """What no log may show: client token, client key, the signature of every GET, a proxy's password."""
        headers = sengo.get_balance(self.credentials).request.headers
        signatures = [value for name, value in headers.items() if name.lower() == "x-signature"]
        return _distinct(
            self.credentials.client_token,
            self.credentials.client_key,
            *signatures,
            *_proxy_secrets(self.options),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SenangPayConnection:
    """All that one ``senangpay`` connection says; its repr shows no secret."""

    conn_id: str
    credentials: senangpay.SenangPayCredentials = field(repr=False)
    options: TransportOptions = field(repr=False)

    def secrets(self) -> tuple[str, ...]:
        """What no log may show: the secret key and a proxy's password. The merchant id is public."""
        return _distinct(self.credentials.secret_key, *_proxy_secrets(self.options))


def read_connection(connection: Connection) -> SenGoConnection:
    """Read a ``sengo`` connection, or raise ValueError that names the field to mend."""
    with _reading(connection, SENGO) as extras:
        return SenGoConnection(
            conn_id=connection.conn_id,
            credentials=sengo.Credentials(
                base_url=base_url(connection, extras["environment"], sengo.BASE_URLS),
                client_key=_secret(connection.login, "login", "client key"),
                client_token=_secret(connection.password, "password", "client token"),
            ),
            options=_options(extras),
            callback_url=extras["callback_url"],
        )


def read_senangpay_connection(connection: Connection) -> SenangPayConnection:
    """Read a ``senangpay`` connection, or raise ValueError that names the field to mend."""
    with _reading(connection, SENANGPAY) as extras:
        url = base_url(connection, extras["environment"], senangpay.BASE_URLS)
        if url.endswith("/apiv1"):
            raise FieldError("host", "must end before /apiv1, which every call adds by itself")
        merchant_id = _secret(connection.login, "login", "merchant id")
        if not merchant_id.replace("-", "").isalnum():
            raise FieldError("login", "must be the merchant id alone, digits as a rule")
        return SenangPayConnection(
            conn_id=connection.conn_id,
            credentials=senangpay.SenangPayCredentials(
                base_url=url,
                merchant_id=merchant_id,
                secret_key=_secret(connection.password, "password", "secret key"),
                hash_type=extras["hash_type"],
            ),
            options=_options(extras),
        )


@contextmanager
def _reading(connection: Connection, table: ConnectionType) -> Iterator[dict[str, Any]]:
    """The connection's extras; every broken rule, in the block too, is told with the connection's id."""
    try:
        _check_type(connection, table.connection_type)
        yield read_extras(connection.extra, table)
    except ValueError as error:  # every rule of this package, and no text of theirs holds a value
        raise ValueError(f"Connection {connection.conn_id!r}, {str(error).rstrip('.')}.") from None


def _options(extras: Mapping[str, Any]) -> TransportOptions:
    return TransportOptions(**{name: extras[name] for name in _TRANSPORT_EXTRAS & extras.keys()})


def _proxy_secrets(options: TransportOptions) -> tuple[str, str]:
    """A proxy's password as it stands in the URL, and as it is sent."""
    password = urlsplit(options.proxy or "").password or ""
    return password, unquote(password)


def _distinct(*secrets: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(secret for secret in secrets if secret))


def read_extras(extra: str | None, table: ConnectionType) -> dict[str, Any]:
    """Every extra of ``table`` with its value or its default; ``environment`` stays None if absent.

    Raises FieldError, for a key that the table does not know as well: a slip in ``environment`` would
    otherwise mean the sandbox.
    """
    given = load_extra(extra)
    for name in given:
        if name not in table.extras:
            near = get_close_matches(name, table.extras, n=1)
            hint = f"did you mean {near[0]!r}" if near else "known are " + ", ".join(table.extras)
            raise FieldError("extra", f"holds a key that this connection type does not know; {hint}")
    values: dict[str, Any] = {}
    for name, rule in table.extras.items():
        value = given.get(name)
        absent = None if name == "environment" else rule.default
        values[name] = absent if value is None or value == "" else _parse_extra(name, value, rule)
    return values


def load_extra(extra: str | None) -> dict[str, Any]:
    """The extra as a mapping; empty if it is absent. Raises FieldError if it is not a JSON object."""
    try:
        loaded = json.loads(extra) if extra else {}
    except (ValueError, RecursionError):
        loaded = None
    if not isinstance(loaded, dict):
        raise FieldError("extra", "must be a JSON object")
    return loaded


def _parse_extra(name: str, value: object, rule: ExtraField) -> Any:
    """One extra, from its JSON value or from text."""
    if rule.kind != "string":
        return _parse_number(name, value, rule)
    if not isinstance(value, str) or value != value.strip() or not value.isprintable():
        raise FieldError(name, "must be text without blanks around it")
    if rule.choices and value not in rule.choices:
        raise FieldError(name, f"must be one of {', '.join(rule.choices)}")
    if name == "proxy" and not _is_proxy(value):
        raise FieldError(name, "must be http://[user:password@]host[:port]")
    if name != "proxy" and rule.format == "url" and not _is_url(value):
        raise FieldError(name, "must be a URL that starts with https:// or http://, without user name")
    return value


def _parse_number(name: str, value: object, rule: ExtraField) -> int | float:
    """A number within its limits; whole ones stay int."""
    whole, low, high = rule.kind == "integer", rule.minimum or 0, rule.maximum or 0
    number: int | float = math.nan  # below, above and equal to nothing
    if isinstance(value, str) and (_WHOLE if whole else _NUMBER).fullmatch(value):
        number = int(value) if whole else float(value)
    elif isinstance(value, int if whole else int | float) and not isinstance(value, bool):
        number = value
    if not low <= number <= high:
        raise FieldError(name, f"must be a {'whole ' if whole else ''}number from {low:g} to {high:g}")
    return number if whole else float(number)  # only now: an int beyond all floats is refused above


def _is_url(value: str) -> bool:
    """Whether this is an http or https URL with a host and without user name and blanks."""
    try:
        parts = urlsplit(value)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and "@" not in parts.netloc and "\\" not in value and bool(_VISIBLE.fullmatch(value))


def _is_proxy(value: str) -> bool:
    """Whether this is a proxy as the transports take one: ``http://[user:password@]host[:port]``."""
    try:
        parts = urlsplit(value)
        named = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment
    return named and plain and bool(_VISIBLE.fullmatch(value))


def _check_type(connection: Connection, connection_type: str) -> None:
    """Refuse a connection made for something else: its password would be sent to this gateway."""
    if connection.conn_type not in (None, "", connection_type):
        raise FieldError("conn_type", f"must be {connection_type}")


def _secret(value: object, name: str, meaning: str) -> str:
    """A key or token as it goes into a header."""
    if not value:
        raise FieldError(name, f"is missing; put the {meaning} there")
    if not isinstance(value, str) or not _VISIBLE.fullmatch(value):
        raise FieldError(name, f"must be the {meaning} alone, in plain ASCII and without any blank")
    return value
