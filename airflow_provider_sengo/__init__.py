# SPDX-License-Identifier: Apache-2.0
"""Apache Airflow provider for the SenGo and senangPay payment gateways."""

__version__ = "0.1.0"
