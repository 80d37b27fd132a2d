# SPDX-License-Identifier: Apache-2.0
"""From an Airflow connection to calls of a gateway: where connections, masking and metrics meet the protocol.

What is sent and what an answer means is decided in ``protocol``, how it is sent in ``transport``; no rule of
either may stand here.
"""
