# SPDX-License-Identifier: Apache-2.0
"""The archive of SenGo's transactions: what to read, how to read it whole, how to keep it.

``plan``, ``pages``, ``rows`` and ``coverage`` are pure. ``schema``, ``spool``, ``merge`` and ``store`` know
Delta Lake. ``run`` ties them together; it is given the gateway, the clock and the archive.
"""
