# SPDX-License-Identifier: Apache-2.0
"""Waiting inside Airflow's triggerer; nothing here blocks its event loop."""
