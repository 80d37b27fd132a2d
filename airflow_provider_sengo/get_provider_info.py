# SPDX-License-Identifier: Apache-2.0
"""What Airflow reads about this package, in every process: plain data, nothing heavy is imported."""

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
        "hooks": [
            {"integration-name": _SENGO, "python-modules": ["airflow_provider_sengo.hooks.sengo"]},
            {"integration-name": _SENANGPAY, "python-modules": ["airflow_provider_sengo.hooks.senangpay"]},
        ],
        "operators": [
            {
                "integration-name": _SENGO,
                "python-modules": [
                    "airflow_provider_sengo.operators.archive",
                    "airflow_provider_sengo.operators.sengo",
                ],
            },
            {
                "integration-name": _SENANGPAY,
                "python-modules": ["airflow_provider_sengo.operators.senangpay"],
            },
        ],
        "sensors": [
            {"integration-name": _SENGO, "python-modules": ["airflow_provider_sengo.sensors.sengo"]},
            {"integration-name": _SENANGPAY, "python-modules": ["airflow_provider_sengo.sensors.senangpay"]},
        ],
        "triggers": [
            {"integration-name": _SENGO, "python-modules": ["airflow_provider_sengo.triggers.sengo"]},
            {"integration-name": _SENANGPAY, "python-modules": ["airflow_provider_sengo.triggers.senangpay"]},
        ],
        "connection-types": connection_types(),
        # The pages are an entry point of their own and not named here: with both, Airflow's loader meets the
        # plugin twice, and then drops the plugins of all providers after this one.
        "extra-links": ["airflow_provider_sengo.links.QrisPageLink"],
        "cli": ["airflow_provider_sengo.cli_airflow.get_sengo_cli_commands"],
        "config": _config(),
    }
