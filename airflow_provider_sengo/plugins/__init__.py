# SPDX-License-Identifier: Apache-2.0
"""Pages inside Airflow's web UI. They read the archive and Airflow's database, and never ask a gateway.

Every process of Airflow comes through here on its way to ``plugin``: nothing may be imported in this file.
"""
