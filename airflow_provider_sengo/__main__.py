# SPDX-License-Identifier: Apache-2.0
"""``python -m airflow_provider_sengo``: the commands of ``airflow sengo``, on every Airflow and from cron."""

from airflow_provider_sengo.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
