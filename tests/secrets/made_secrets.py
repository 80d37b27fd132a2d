# SPDX-License-Identifier: Apache-2.0
"""Secrets that need escaping everywhere; apart from the test, for Airflow stores the source of a Dag's file."""

KEY, TOKEN = "SC-EVERY+TASK/7", "every/task's+t0ken%41@here:=&?"
SECRET_KEY = "every/task's+k3y%41@here:=&?"
PROXY_USER, PROXY_PASSWORD = "proxyuser", "every/task's+pr0xy%41"
