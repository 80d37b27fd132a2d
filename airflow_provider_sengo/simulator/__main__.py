# SPDX-License-Identifier: Apache-2.0
"""``python -m airflow_provider_sengo.simulator``: the simulator until SIGINT or SIGTERM."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from urllib.parse import quote

from .server import Simulator
from .settings import CHOICES, SimulatorSettings

PROGRAM = "python -m airflow_provider_sengo.simulator"
DESCRIPTION = "SenGo and senangPay on this machine, with a week of made-up transactions, until Ctrl-C."
PORT_DEFAULT = 8800
WAKE_S = 3_600.0  # a signal ends the wait at once
CHOICES_HELP = {
    "verify": "the text whose signature is checked: the body as sent, the body as PHP encodes it anew, or both",
    "date_by": "the time that the date filter of listings goes by",
    "order": "of a listing's rows, by creation; hash mixes them",
    "error_style": "refusals as JSON with a code, or with words; with status 200; or as an HTML page",
}


def parser() -> argparse.ArgumentParser:
    """Each option is a switch of ``SimulatorSettings``."""
    defaults = SimulatorSettings()
    options = argparse.ArgumentParser(prog=PROGRAM, description=DESCRIPTION)
    options.add_argument("--host", default=defaults.host, help="a loopback address")
    options.add_argument(
        "--port", type=int, default=PORT_DEFAULT, help="0 picks a free one (default %(default)s)"
    )
    options.add_argument("--seed", type=int, default=defaults.seed, help="of the transactions and faults")
    options.add_argument("--days", type=int, default=defaults.days, help="with transactions, today included")
    options.add_argument("--per-day", type=int, default=defaults.per_day, help="transactions a day and type")
    options.add_argument(
        "--page-size", type=int, default=defaults.page_size, help="rows a page (default %(default)s)"
    )
    options.add_argument("--latency-ms", type=float, default=defaults.latency_ms, help="before each answer")
    options.add_argument("--now", help="ISO time at which the simulator's clock starts")
    options.add_argument("--frozen", action="store_true", help="the clock stands still")
    for name in ("verify", "date_by", "order", "error_style"):
        option = f"--{name.replace('_', '-')}"
        help_ = f"{CHOICES_HELP[name]} (default %(default)s)"
        options.add_argument(option, choices=CHOICES[name], default=getattr(defaults, name), help=help_)
    options.add_argument(
        "--day-zone", default=defaults.day_zone, help="zone of the date filter (default %(default)s)"
    )
    options.add_argument(
        "--auto-pay-after",
        type=float,
        dest="auto_pay_after_s",
        metavar="SECONDS",
        help="a new QRIS payment is paid so long after it was made (default: nobody pays)",
    )
    options.add_argument("--callbacks", action="store_true", help="deliver callbacks, to loopback only")
    options.add_argument("--requests-per-second", type=float, help="limit; more get 429")
    options.add_argument(
        "--credential", action="append", default=[], metavar="KEY:TOKEN", help="one more project (repeatable)"
    )
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; 0 after a clean stop, 2 for a wrong option or a port that is taken."""
    options = vars(parser().parse_args(arguments))
    pairs = [pair.partition(":") for pair in options.pop("credential")]
    if any(not key or not token for key, _, token in pairs):
        return _complain("--credential must be KEY:TOKEN")
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        extra_credentials = {key: token for key, _, token in pairs}
        with Simulator(extra_credentials=extra_credentials, **options) as simulator:
            sys.stdout.write(greeting(simulator))
            sys.stdout.flush()
            while not stop.wait(WAKE_S):
                pass
    except ValueError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"cannot listen on {options['host']}:{options['port']}: {error.strerror}")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def greeting(simulator: Simulator) -> str:
    """Where it is, and the connections to it, to be pasted into the shell that runs Airflow."""
    sengo = _uri("sengo", simulator.client_key, simulator.client_token, simulator.base_url)
    senangpay = _uri("senangpay", simulator.merchant_id, simulator.secret_key, simulator.senangpay_base_url)
    return (
        f"SenGo simulator ready on {simulator.base_url}\n"
        f"Open {simulator.origin}/ in a browser to see the payments and to pay them by hand.\n"
        "Airflow reaches it, and its senangPay, with these connections (the keys are made up):\n"
        f"export AIRFLOW_CONN_SENGO_DEFAULT='{sengo}'\n"
        f"export AIRFLOW_CONN_SENANGPAY_DEFAULT='{senangpay}'\n"
    )


def _uri(conn_type: str, login: str, password: str, base_url: str) -> str:
    """A connection as Airflow writes one; the scheme is left to the hook, which takes http for loopback."""
    place = base_url.removeprefix("http://")
    return f"{conn_type}://{quote(login, safe='')}:{quote(password, safe='')}@{place}"


def _complain(message: str) -> int:
    sys.stderr.write(f"SenGo simulator: {message}\n")
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
