# SPDX-License-Identifier: Apache-2.0
"""Where this package's pages are inside Airflow's web UI, and the button on a task that leads to one.

What a page shows, and to whom, is decided in ``plugins``. This module is loaded with every DAG file and by
every task process: nothing heavy may be imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from airflow.providers.common.compat.sdk import BaseOperatorLink, conf

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

URL_PREFIX = (
    "/sengo"  # below Airflow's own root; Airflow reserves /api/v2, /ui, /auth, /execution, /pluginsv2
)


def page_path(page: str) -> str:
    """The path of a page on Airflow's own server, with the path of ``[api] base_url`` before it."""
    base_url = conf.get("api", "base_url", fallback=None) or ""
    return f"{urlsplit(base_url).path.rstrip('/')}{URL_PREFIX}/{page}"


class QrisPageLink(BaseOperatorLink):
    """The page with the QR code that a task made; Airflow keeps the path as an XCom when the task ends."""

    name = "QR code"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The page's path; who may see the payment is asked there."""
        task_run = {
            "dag_id": ti_key.dag_id,
            "run_id": ti_key.run_id,
            "task_id": ti_key.task_id,
            "map_index": ti_key.map_index,
        }
        return f"{page_path('qr')}?{urlencode(task_run)}"
