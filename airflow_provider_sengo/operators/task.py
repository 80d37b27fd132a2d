# SPDX-License-Identifier: Apache-2.0
"""What tasks share: the SenGo connection, the archive, and how a list is checked. No task stands here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.hooks.storage import resolve_archive_uri, storage_options

if TYPE_CHECKING:
    from airflow_provider_sengo.archive.store import Archive


class SenGoTask(BaseOperator):
    """A task with a SenGo connection."""

    def __init__(self, *, sengo_conn_id: str = SenGoHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sengo_conn_id = sengo_conn_id

    @cached_property
    def hook(self) -> SenGoHook:
        """The hook of the connection, made when the templates are rendered."""
        return SenGoHook(self.sengo_conn_id)


class ArchiveTask(SenGoTask):
    """A task with a SenGo connection and the archive."""

    def __init__(
        self,
        *,
        archive_uri: str | None = None,
        archive_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.archive_uri = archive_uri
        self.archive_conn_id = archive_conn_id

    @cached_property
    def archive(self) -> Archive:
        """The archive of the parameters, or of the ``[sengo]`` settings."""
        from airflow_provider_sengo.archive.store import Archive

        return Archive(resolve_archive_uri(self.archive_uri), storage_options(self.archive_conn_id))


def checked_list(value: object, *, field: str, example: str, is_template: bool = False) -> list[Any]:
    """What a list holds; ValueError names the field. One text would silently be read letter by letter."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return list(value)
    hint = " A template gives a list where the DAG has render_template_as_native_obj=True."
    raise ValueError(
        f"{field}: must be a list such as ['{example}']; a single one stands in brackets as well."
        f"{hint if is_template else ''}"
    )
