# SPDX-License-Identifier: Apache-2.0
"""Waiting inside Airflow's triggerer; nothing here blocks its event loop.

Airflow keeps a trigger's arguments and events in its database, and may run a trigger in two triggerers at once:
so no secret goes into either, and no call that pays or changes anything may be made here.
"""
