# SPDX-License-Identifier: Apache-2.0
"""An auth manager of Airflow's with users who may do less than others."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

NO_PLUGINS = "no-plugins"  # may see everything else
ONE_DAG = "one-dag"  # may see plugins, and only the DAG ``allowed_dag``
NO_XCOMS = "no-xcoms"  # may see plugins and DAGs, but no XComs
ALLOWED_DAG = "allowed_dag"


class NarrowRights(SimpleAuthManager):
    """Airflow's simple one, narrowed by the user's name."""

    def is_authorized_view(self, *, access_view: AccessView, user: SimpleAuthManagerUser) -> bool:
        if user.username == NO_PLUGINS and access_view is AccessView.PLUGINS:
            return False
        return super().is_authorized_view(access_view=access_view, user=user)

    def is_authorized_dag(self, *, user: SimpleAuthManagerUser, **asked: Any) -> bool:
        details, entity = asked.get("details"), asked.get("access_entity")
        if user.username == ONE_DAG and (details is None or details.id != ALLOWED_DAG):
            return False
        if user.username == NO_XCOMS and entity is not None and entity.name == "XCOM":
            return False
        return super().is_authorized_dag(user=user, **asked)


def token_of(username: str) -> str:
    """A token as Airflow's login gives it."""
    from airflow.api_fastapi.app import get_auth_manager

    return get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=username, role="VIEWER"))
