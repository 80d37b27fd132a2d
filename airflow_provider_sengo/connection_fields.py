# SPDX-License-Identifier: Apache-2.0
"""One table for each connection type; everything that describes a connection is made from it.

From the table come the metadata that Airflow 3.2 and later read (``connection_types``), the form of
Airflow 3.1 (``form_widgets``, ``field_behaviour``), the README's table (``markdown_table``), and the
limits that ``hooks.connection`` holds a connection's extras against. Plain data and pure functions:
every process of Airflow loads this file, so it imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S_MIN = 0.1  # below it not even a handshake to a near gateway ends
TIMEOUT_S_MAX = 300.0  # one exchange; longer than this is a broken gateway, not a slow one
DEADLINE_S_MAX = 3600.0  # all attempts of one call; a task that needs longer retries as a task
ATTEMPTS_MAX = 20
REQUESTS_PER_SECOND_MIN = 0.01
REQUESTS_PER_SECOND_MAX = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraField:
    """One key of a connection's extra. ``kind``: its JSON schema type (string, number, integer)."""

    label: str
    description: str
    kind: str = "string"
    default: str | int | float | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    format: str | None = None

    def schema(self) -> dict[str, Any]:
        """JSON schema of the field; null is always allowed, as a required extra can't be left out."""
        schema: dict[str, Any] = {"type": [self.kind, "null"]}
        named = {
            "default": self.default,
            "enum": list(self.choices) or None,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "format": self.format,
        }
        return schema | {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionType:
    """The form and the extras of one connection type.

    Port is never hidden: Airflow 3.3.1 and 3.3.2 can't test a stored connection that has no port.
    """

    connection_type: str
    hook_name: str
    hook_class_name: str
    hidden: tuple[str, ...]
    relabeling: Mapping[str, str]
    placeholders: Mapping[str, str]
    extras: Mapping[str, ExtraField]


def _shared_extras() -> dict[str, ExtraField]:
    """The extras that every gateway's connection has, in the order of the form."""
    return {
        "environment": ExtraField(
            label="Environment",
            description="Which base URL, while host (Base URL) is empty: sandbox or production.",
            default="sandbox",
            choices=("sandbox", "production"),
        ),
        "timeout_s": ExtraField(
            label="Timeout (seconds)",
            description="How long to wait for one answer.",
            kind="number",
            default=30,
            minimum=TIMEOUT_S_MIN,
            maximum=TIMEOUT_S_MAX,
        ),
        "deadline_s": ExtraField(
            label="Deadline (seconds)",
            description="How long one call may take with all its attempts and waits.",
            kind="number",
            default=120,
            minimum=TIMEOUT_S_MIN,
            maximum=DEADLINE_S_MAX,
        ),
        "max_attempts": ExtraField(
            label="Attempts",
            description="How often a call is sent at most. What moves money is never sent twice on a guess.",
            kind="integer",
            default=5,
            minimum=1,
            maximum=ATTEMPTS_MAX,
        ),
        "proxy": ExtraField(
            label="Proxy",
            description="URL of an HTTP proxy. Empty: none; the machine's proxy settings don't count.",
            format="url",
        ),
        "ca_bundle": ExtraField(
            label="CA bundle",
            description="Path, on every worker, of the certificates to trust. Empty: the usual ones.",
        ),
    }


def _with_extras(after: str, extras: Mapping[str, ExtraField]) -> dict[str, ExtraField]:
    """The shared extras with a gateway's own ones after the one named."""
    ordered: dict[str, ExtraField] = {}
    for name, field in _shared_extras().items():
        ordered[name] = field
        if name == after:
            ordered.update(extras)
    return ordered


SENGO = ConnectionType(
    connection_type="sengo",
    hook_name="SenGo",
    hook_class_name="airflow_provider_sengo.hooks.sengo.SenGoHook",
    hidden=("schema",),
    relabeling={
        "host": "Base URL (empty: by environment)",
        "login": "Client key",
        "password": "Client token",
    },
    placeholders={"host": "https://api.sandbox.sengo.id/api", "login": "SC-...", "port": "443"},
    extras=_with_extras(
        "max_attempts",
        {
            "requests_per_second": ExtraField(
                label="Requests per second",
                description="Pace of all calls of one process. Empty: no limit but the gateway's.",
                kind="number",
                minimum=REQUESTS_PER_SECOND_MIN,
                maximum=REQUESTS_PER_SECOND_MAX,
            ),
            "callback_url": ExtraField(
                label="Callback URL",
                description="Where SenGo reports payments: a QRIS payment needs this, or a callback_url of its own.",
                format="url",
            ),
        },
    ),
)

SENANGPAY = ConnectionType(
    connection_type="senangpay",
    hook_name="senangPay",
    hook_class_name="airflow_provider_sengo.hooks.senangpay.SenangPayHook",
    hidden=("schema",),
    relabeling={
        "host": "Base URL (empty: by environment)",
        "login": "Merchant id",
        "password": "Secret key (never sent)",
    },
    placeholders={"host": "https://sandbox.senangpay.my", "login": "543160464805574", "port": "443"},
    extras=_with_extras(
        "max_attempts",
        {
            "hash_type": ExtraField(
                label="Hash type",
                description="The dashboard's Hash Type, for queries: sha256 or md5.",
                default="sha256",
                choices=("sha256", "md5"),
            ),
        },
    ),
)

CONNECTION_TYPES: Mapping[str, ConnectionType] = {"sengo": SENGO, "senangpay": SENANGPAY}


def connection_types() -> list[dict[str, Any]]:
    """The ``connection-types`` of the provider info: all that Airflow 3.2 and later build a form from."""
    return [
        {
            "connection-type": table.connection_type,
            "hook-class-name": table.hook_class_name,
            "hook-name": table.hook_name,
            "ui-field-behaviour": {
                "hidden-fields": list(table.hidden),
                "relabeling": dict(table.relabeling),
                "placeholders": dict(table.placeholders),
            },
            "conn-fields": {
                name: {"label": field.label, "description": field.description, "schema": field.schema()}
                for name, field in table.extras.items()
            },
        }
        for table in CONNECTION_TYPES.values()
    ]


def field_behaviour(connection_type: str) -> dict[str, Any]:
    """What Airflow 3.1 asks of a hook's ``get_ui_field_behaviour``."""
    table = CONNECTION_TYPES[connection_type]
    return {
        "hidden_fields": list(table.hidden),
        "relabeling": dict(table.relabeling),
        "placeholders": dict(table.placeholders),
    }


def form_widgets(connection_type: str) -> dict[str, Any]:
    """What Airflow 3.1 asks of a hook's ``get_connection_form_widgets``.

    Its api-server stands in for exactly these modules where they are not installed. It has no field for
    numbers with a fraction: those are typed as text, which reads the same.
    """
    # No dependency of ours: Airflow 3.1 has these modules or stands in for them.
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget  # type: ignore[import-not-found]
    from flask_babel import lazy_gettext  # type: ignore[import-not-found]
    from wtforms import IntegerField, StringField  # type: ignore[import-untyped]
    from wtforms.validators import Optional, any_of  # type: ignore[import-untyped]

    widgets: dict[str, Any] = {}
    for name, field in CONNECTION_TYPES[connection_type].extras.items():
        whole = field.kind == "integer"
        default = field.default if whole or field.default is None else str(field.default)
        widgets[name] = (IntegerField if whole else StringField)(
            lazy_gettext(field.label),
            validators=[Optional(), any_of(list(field.choices))] if field.choices else [Optional()],
            description=field.description,
            default=default,
            widget=BS3TextFieldWidget(),
        )
    return widgets


def markdown_table() -> str:
    """The extras of both types as one Markdown table for the README, one line an extra."""
    lines = ["| extra | of | default | means |", "|---|---|---|---|"]
    both = {name: field for table in CONNECTION_TYPES.values() for name, field in table.extras.items()}
    for name, field in both.items():
        of = [table for table in CONNECTION_TYPES.values() if name in table.extras]
        types = "both" if len(of) > 1 else f"`{of[0].connection_type}`"
        default = f"`{field.default}`" if field.default is not None else ""
        limits = f" {field.minimum:g} to {field.maximum:g}." if field.minimum is not None else ""
        lines.append(f"| `{name}` | {types} | {default} | {field.description}{limits} |")
    return "\n".join(lines) + "\n"
