# SPDX-License-Identifier: Apache-2.0
"""One connection in every form in which Airflow may hand it over; what it must mean is the tests' to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pytest
from airflow.providers.common.compat.sdk import Connection

from airflow_provider_sengo.connection_fields import ConnectionType

Read = TypeVar("Read")


@dataclass(frozen=True)
class Spellings(Generic[Read]):
    """A gateway's connections with this login and password, unless others are given, as its reader reads them."""

    table: ConnectionType
    read: Callable[[Connection], Read]
    login: str
    password: str

    def from_json(self, **fields: Any) -> Read:
        """Read a connection as an environment variable in JSON gives it."""
        given = {"conn_type": self.table.connection_type, "login": self.login, "password": self.password}
        return self.read(Connection.from_json(json.dumps(given | fields), conn_id="c"))

    def from_uri(self, uri: str) -> Read:
        """Read a connection as an environment variable in URI form gives it."""
        return self.read(Connection.from_uri(uri, conn_id="c"))

    def from_form(self, **fields: Any) -> Read:
        """Read a connection as the form saves it: every standard field there, every extra written out."""
        extras = dict.fromkeys(self.table.extras) | {"environment": "sandbox"} | fields.pop("extra", {})
        standard: dict[str, Any] = {"host": "", "schema": "", "port": 0}
        standard |= {"login": self.login, "password": self.password} | fields
        kind = self.table.connection_type
        return self.read(Connection(conn_id="c", conn_type=kind, extra=json.dumps(extras), **standard))

    def refusal(self, field: str, **fields: Any) -> str:
        """All that is told when this field is refused, which must begin with the connection and the field."""
        with pytest.raises(ValueError, match=rf"^Connection 'c', field '{field}': ") as caught:
            self.from_json(**fields)
        assert caught.value.__suppress_context__
        return repr(caught.value) + repr(caught.value.__cause__)
