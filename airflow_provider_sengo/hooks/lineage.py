# SPDX-License-Identifier: Apache-2.0
"""Where data came from and went to, for Airflow's hook lineage: what SenGo lists -> the archive's tables.

Airflow imports this module whenever it meets an asset's URI, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.common.compat.sdk import Asset, BaseHook


def transactions_uri(project: str) -> str:
    """All transactions of a project, as an asset's URI."""
    return f"sengo://{project}/transactions"


def day_uri(project: str, type: str, day: str) -> str:
    """What SenGo lists of one type on one day (``YYYY-MM-DD``), as an asset's URI."""
    return f"{transactions_uri(project)}/{type}/{day}"


def table_uri(address: str) -> str:
    """A table of the archive, as an asset's URI: a local path gets its scheme."""
    return PurePosixPath(address).as_uri() if address.startswith("/") else address


def record(hook: BaseHook, *, inputs: Iterable[str] = (), outputs: Iterable[str] = ()) -> None:
    """Tell Airflow's collector, which forgets it where nobody reads lineage. Not for an event loop."""
    from airflow.providers.common.compat.sdk import get_hook_lineage_collector

    from airflow_provider_sengo.hooks.signals import harmless

    with harmless("lineage"):
        collector: Any = get_hook_lineage_collector()
        for uri in inputs:
            collector.add_input_asset(context=hook, uri=uri)
        for uri in outputs:
            collector.add_output_asset(context=hook, uri=uri)


def convert_asset_to_openlineage(asset: Asset, lineage_context: object) -> Dataset:
    """A ``sengo://`` asset as OpenLineage names data; it leaves out the assets that nobody converts."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    parts = urlsplit(asset.uri)
    return Dataset(namespace=f"sengo://{parts.netloc}", name=parts.path.lstrip("/"))
