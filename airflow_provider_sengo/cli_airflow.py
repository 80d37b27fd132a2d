# SPDX-License-Identifier: Apache-2.0
"""``airflow sengo ...``: the commands of ``cli`` for Airflow's own parser, which reads them from 3.2 on.

Every ``airflow`` call imports this module: nothing heavy may be imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_sengo.cli import COMMANDS, OPTIONS

if TYPE_CHECKING:
    from airflow.cli.cli_config import GroupCommand


def run(arguments: Any) -> None:
    """What Airflow's parser calls for ``archive`` and ``coverage``; exits with the command's status."""
    from airflow_provider_sengo import cli

    arguments.command = arguments.subcommand  # Airflow's name for the innermost word
    raise SystemExit(cli.run(arguments, program="airflow sengo"))


def run_simulator(arguments: Any) -> None:
    """``airflow sengo simulator``; the port is its only option here."""
    from airflow_provider_sengo import cli

    raise SystemExit(cli.main(["simulator", "--port", str(arguments.port)]))


def _arg(flag: str, options: dict[str, Any]) -> Any:
    from airflow.cli.cli_config import Arg

    return Arg(flags=(flag,), **options)  # type: ignore[no-untyped-call]  # Airflow's own is untyped


def get_sengo_cli_commands() -> list[GroupCommand]:
    """The group ``airflow sengo``."""
    from airflow.cli.cli_config import ActionCommand, GroupCommand

    actions = [
        ActionCommand(
            name=name,
            help=help_,
            func=run,
            args=[_arg(option, OPTIONS[option]) for option in options],
        )
        for name, (help_, options) in COMMANDS.items()
    ]
    port = _arg("--port", {"help": "port on loopback, 0 for a free one", "type": int, "default": 8800})
    actions.append(
        ActionCommand(
            name="simulator", help="run both gateways' simulator on loopback", func=run_simulator, args=[port]
        )
    )
    return [GroupCommand(name="sengo", help="SenGo's archive and simulator", subcommands=actions)]
