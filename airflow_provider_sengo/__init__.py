# SPDX-License-Identifier: Apache-2.0
"""Apache Airflow provider for the SenGo and senangPay payment gateways.

Every process of Airflow imports this first: the version stands here, nothing else, and nothing is imported.
"""

__version__ = "0.1.0"
