# SPDX-License-Identifier: Apache-2.0
"""The URIs of our assets, as Airflow and OpenLineage take them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_sengo.hooks import lineage


@pytest.mark.parametrize("project", ["api.sengo.id-0a1b2c3d", "127.0.0.1:8080-0a1b2c3d", "::1:80-0a1b2c3d"])
def test_airflow_takes_our_assets_as_they_are(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of the URI is changed or refused, and OpenLineage's name holds all of it."""
    # Without OpenLineage's client, Airflow's stand-in for a dataset keeps nothing.
    monkeypatch.setattr("airflow.providers.common.compat.openlineage.facet.Dataset", SimpleNamespace)
    uri = lineage.day_uri(project, "cashIn", "2026-11-21")
    asset = Asset(uri=uri)
    assert asset.uri == uri == f"sengo://{project}/transactions/cashIn/2026-11-21"
    named = lineage.convert_asset_to_openlineage(asset, None)
    assert (named.namespace, named.name) == (f"sengo://{project}", "transactions/cashIn/2026-11-21")


def test_a_table_on_disk_gets_a_scheme() -> None:
    """An asset's URI has one; that of an object store stays."""
    assert lineage.table_uri("/data/my books#1/transactions") == "file:///data/my%20books%231/transactions"
    assert lineage.table_uri("s3://books/sengo/transactions") == "s3://books/sengo/transactions"
