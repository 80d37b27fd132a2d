# SPDX-License-Identifier: Apache-2.0
"""What the README says is true: its commands exist, its tables are those of the code, its links lead somewhere."""

from __future__ import annotations

import argparse
import inspect
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))

from readme import OUR_COMMAND, README, table
from repository import PACKAGE, ROOT

from airflow_provider_sengo import cli, connection_fields
from airflow_provider_sengo.archive import days
from airflow_provider_sengo.archive.check import WARN_DAYS_LEFT
from airflow_provider_sengo.archive.coverage import SEALING_HOURS, State
from airflow_provider_sengo.archive.schema import HISTORY, READS, TRANSACTIONS
from airflow_provider_sengo.get_provider_info import get_provider_info
from airflow_provider_sengo.simulator import CLIENT_KEY, CLIENT_TOKEN
from airflow_provider_sengo.simulator import __main__ as simulator_command
from airflow_provider_sengo.simulator.senangpay_settings import MERCHANT_ID, SECRET_KEY

LINES_MAX = 300
A_DAY = "2026-11-21"


def commands() -> list[list[str]]:
    """Every call of our command line, in cron lines and in text, as words."""
    calls = re.findall(rf"{OUR_COMMAND}([^`|\n]*)", README)
    return [shlex.split(call) for call in calls]


def test_every_command_is_one_that_the_parser_knows() -> None:
    """Cron lines, the runbook's and the simulator's: no option is made up."""
    found = commands()
    assert {words[0] for words in found} == {"archive", "coverage", "simulator"}
    for words in found:
        if words[0] == "simulator":
            simulator_command.parser().parse_args(words[1:])
        else:
            cli.parser().parse_args([word if word != "..." else A_DAY for word in words])
    assert set(re.findall(r"`airflow sengo (\w+)`", README)) == set(cli.COMMANDS)
    assert f"`{CLIENT_KEY}`, token `{CLIENT_TOKEN}`" in README
    assert f"merchant id `{MERCHANT_ID}`, secret key `{SECRET_KEY}`" in README


def test_make_targets_exist() -> None:
    """No target is made up, and what a target runs is there."""
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`make ([a-z-]+)`", README))
    assert {"demo", "test", "test-real", "check", "check-guards"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for script in re.findall(r"tools/\w+\.py", makefile):
        assert (ROOT / script).is_file(), script


def test_links_to_files_lead_somewhere() -> None:
    """Every link into the repository names a file that is there, or a heading of the README."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    headings = {
        f"#{each.lower().replace(' ', '-')}" for each in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }
    assert len(links) >= 5
    assert [link for link in links if link not in headings and not (ROOT / link).exists()] == []


def test_the_connection_table_is_the_generated_one() -> None:
    """Form, limits and README come from one table."""
    assert f"\n{connection_fields.markdown_table()}\n" in README


def test_the_examples_are_all_that_there_are() -> None:
    """One row for each file, which is also a link."""
    linked = [re.findall(r"\(example_dags/([\w.]+)\)", row[0]) for row in table("example")]
    assert sorted(linked) == [[path.name] for path in sorted((ROOT / "example_dags").glob("*.py"))]


def test_the_settings_are_those_that_airflow_reads() -> None:
    """Each option of ``[sengo]`` is told, and no other."""
    options = get_provider_info()["config"]["sengo"]["options"]
    assert [row[0].strip("`") for row in table("setting")] == list(options)


def test_every_public_class_has_its_row() -> None:
    """One row for each class, or for two of a kind, under its real name: those that Airflow's registry is told."""
    registry = yaml.safe_load((ROOT / ".airflow-registry.yaml").read_text())
    told = {
        entry["module"].partition(".")[2]
        for section in ("operators", "sensors", "triggers", "hooks")
        for entry in registry[section]
    }
    named = [name for row in table("class") for name in re.findall(r"`([\w.]+)`", row[0])]
    assert sorted(named) == sorted(told)


def test_the_rows_say_who_can_be_deferred() -> None:
    """``deferrable`` is a parameter of just those whose row says so."""
    for row in table("class"):
        assert len(row) == 5, row[0]
        for name in re.findall(r"`([\w.]+)`", row[0]):
            module, _, name_ = name.rpartition(".")
            class_ = getattr(import_module(f"{PACKAGE.name}.{module}"), name_)
            has = "deferrable" in inspect.signature(class_.__init__).parameters
            assert has == (row[3].partition(" ")[0] in {"yes", "with"}), name


def test_the_columns_are_those_of_the_tables() -> None:
    """Every column named for a table is one of its columns."""
    schemas = {"transactions": TRANSACTIONS, "history": HISTORY, "reads": READS}
    rows = {row[0].strip("`"): re.findall(r"`(\w+)`", row[2]) for row in table("table")}
    assert rows.keys() == schemas.keys()
    for name, columns in rows.items():
        assert set(columns) <= set(schemas[name].names)


def test_the_states_and_limits_are_those_of_the_code() -> None:
    """Seven states, in order, and the numbers that the text gives."""
    assert [row[0] for row in table("state")] == [str(state) for state in State]
    assert f"at least {SEALING_HOURS} hours apart" in README
    assert f"`warn_days_left` ({WARN_DAYS_LEFT})" in README
    assert (days.RETENTION_DAYS, days.CLOSING_HOURS) == (7, 8)


def test_the_figures_are_those_that_were_measured() -> None:
    """Each result and each aim of the table stands in ``docs/benchmarks.md``, which ``make bench`` wrote."""
    measured = (ROOT / "docs" / "benchmarks.md").read_text().replace(",", "")
    rows = table("what | result")
    assert len(rows) == 4
    for what, result, aim in rows:
        for figure in re.findall(r"\d+(?:\.\d+)?", f"{result} {aim}".replace(",", "")):
            zeros = "0*" if "." in figure else r"(?:\.0+)?"  # 0.5 is written as 0.50 there
            assert re.search(rf"(?<![\d.]){re.escape(figure)}{zeros}(?!\.?\d)", measured), (what, figure)


def test_the_runbook_has_the_rows_that_errors_name() -> None:
    """An error that sends its reader to the runbook names a row that is there."""
    rows = [row[0] for row in table("what you see")]
    package = "".join(path.read_text() for path in sorted((ROOT / "airflow_provider_sengo").rglob("*.py")))
    package = re.sub(r'"\s*\n\s*f?"', "", package)  # a text over several lines is one
    sent = re.findall(r"README's runbook, ('[^\"]*)\.\"", package)
    assert len(sent) == len(re.findall("runbook", package)), "an error names the runbook without a row"
    named = {name for part in sent for name in re.findall(r"'([^']+)'", part)}
    money = {"unknown outcome", "mismatch", "declined", "duplicate reference"}
    waits = {"unknown transaction", "waited too long"}
    assert named == {"a day in danger", "a lost day"} | money | waits
    assert [name for name in named if not any(re.match(rf"{name}\b", row) for row in rows)] == []


def test_it_is_short_and_names_no_option_that_argparse_lacks() -> None:
    """Someone reads it in one go; ``--day`` and ``--help`` are all the options its text leans on."""
    assert len(README.splitlines()) <= LINES_MAX
    known = {option for action in parsers() for option in action.option_strings} | {"--port"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README)) <= known


def parsers() -> list[argparse.Action]:
    """The actions of all our commands."""
    top = cli.parser()
    below = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    return [action for group in below for command in group.choices.values() for action in command._actions]
