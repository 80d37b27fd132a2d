# SPDX-License-Identifier: Apache-2.0
"""What Airflow reads about this package, in every process: plain data, nothing heavy is imported.

The types of connections and their fields are in ``connection_fields``, nothing of them here.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_sengo.connection_fields import connection_types

_SENGO = "SenGo"
_SENANGPAY = "senangPay"


def _option(description: str, *, example: str) -> dict[str, Any]:
    """One text option of ``airflow.cfg`` without a default."""
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": "string",
        "example": example,
        "default": None,
    }


def _config() -> dict[str, Any]:
    """The section ``[sengo]`` of ``airflow.cfg``."""
    return {
        "sengo": {
            "description": "Settings of the SenGo and senangPay payment gateways.",
            "options": {
                "archive_uri": _option(
                    "Where the archive of transactions is: an absolute local path, or a ``file://``, "
                    "``s3://``, ``gs://`` or ``abfss://`` URI.\n",
                    example="s3://books/sengo",
                ),
                "archive_conn_id": _option(
                    "Id of the connection whose extra holds the delta-rs storage options of the archive, "
                    "or of an ``aws`` connection.\n",
                    example="aws_default",
                ),
                "reference_namespace": _option(
                    "What makes derived payment references of this installation unlike those of any "
                    "other. Where it is not set, ``[api] base_url`` is taken, if that is set and not "
                    "loopback.\n",
                    example="airflow.example.com",
                ),
            },
        }
    }


def _modules() -> dict[str, Any]:
    """Where hooks, operators, sensors and triggers are, by gateway."""
    names = {
        "hooks": {_SENGO: ["sengo"], _SENANGPAY: ["senangpay"]},
        "operators": {_SENGO: ["archive", "sengo", "upkeep"], _SENANGPAY: ["senangpay"]},
        "sensors": {_SENGO: ["sengo"], _SENANGPAY: ["senangpay"]},
        "triggers": {_SENGO: ["sengo"], _SENANGPAY: ["senangpay"]},
    }
    return {
        kind: [
            {
                "integration-name": gateway,
                "python-modules": [f"airflow_provider_sengo.{kind}.{module}" for module in modules],
            }
            for gateway, modules in of_kind.items()
        ]
        for kind, of_kind in names.items()
    }


def get_provider_info() -> dict[str, Any]:
    """The provider info of ``airflow-provider-sengo``."""
    return {
        "package-name": "airflow-provider-sengo",
        "name": "SenGo and senangPay",
        "description": "`SenGo <https://docs.sengo.id>`__ and senangPay payment gateways.\n",
        "integrations": [
            {"integration-name": _SENGO, "external-doc-url": "https://docs.sengo.id", "tags": ["service"]},
            {
                "integration-name": _SENANGPAY,
                "external-doc-url": "https://guide.senangpay.com",
                "tags": ["service"],
            },
        ],
        **_modules(),
        "asset-uris": [
            {
                "schemes": ["sengo"],
                "handler": None,  # any URI of ours is fine as it is
                "to_openlineage_converter": "airflow_provider_sengo.hooks.lineage.convert_asset_to_openlineage",
            }
        ],
        "connection-types": connection_types(),
        # The pages are an entry point of their own and not named here: with both, Airflow's loader meets the
        # plugin twice, and then drops the plugins of all providers after this one.
        "extra-links": ["airflow_provider_sengo.links.QrisPageLink"],
        "cli": ["airflow_provider_sengo.cli_airflow.get_sengo_cli_commands"],
        "config": _config(),
    }
