# SPDX-License-Identifier: Apache-2.0
"""The archive of SenGo's transactions: what to read, how to read it whole, how to keep it.

``days``, ``plan``, ``pages``, ``rows``, ``coverage`` and ``check`` are pure. ``listing`` and ``run`` are the
shell; they are given the gateway, the clock and the archive. All others store, and know Arrow or Delta Lake.
Nothing here knows Airflow.
"""
