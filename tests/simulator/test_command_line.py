# SPDX-License-Identifier: Apache-2.0
"""The command as a process, the addresses it may use, and what it imports."""

import ast
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from airflow.models.connection import Connection

import airflow_provider_sengo.simulator as package
from airflow_provider_sengo.hooks.senangpay import SenangPayHook
from airflow_provider_sengo.hooks.sengo import SenGoHook
from airflow_provider_sengo.simulator import Simulator
from airflow_provider_sengo.simulator.__main__ import greeting, main, parser

COMMAND = [sys.executable, "-m", "airflow_provider_sengo.simulator"]
FOLDER = Path(package.__file__).parent
URLS = {"SENGO": "base_url", "SENANGPAY": "senangpay_base_url"}
ALLOWED = {"fastapi", "uvicorn", "starlette", "msgspec", "segno", "pytest"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_start_and_stop(number):
    """Port 0 picks one, the ready line is true when it is printed, and a signal ends it with 0."""
    options = ["--port", "0", "--per-day", "3", "--now", "2026-11-20T10:00:00", "--page-size", "2"]
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            ready = re.fullmatch(r"SenGo simulator ready on (http://127\.0\.0\.1:\d+)/api\n", line)
            assert ready, line + process.stderr.read()
            assert f"{ready[1]}/ in a browser" in process.stdout.readline()
            assert "connections" in process.stdout.readline()
            assert process.stdout.readline().startswith("export AIRFLOW_CONN_SENGO_DEFAULT='sengo://")
            assert process.stdout.readline().startswith("export AIRFLOW_CONN_SENANGPAY_DEFAULT='senangpay://")
            with urllib.request.urlopen(f"{ready[1]}/_control/settings", timeout=10) as reply:
                assert b'"page_size":2' in reply.read()
            process.send_signal(number)
            assert process.wait(10) == 0
            assert process.stdout.read() == ""
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_what_it_prints_can_be_pasted(monkeypatch):
    """A shell takes the lines as they are, Airflow reads the URIs, and each gateway answers its hook."""
    with Simulator(per_day=3) as simulator:
        pasted = "".join(line for line in greeting(simulator).splitlines(True) if line.startswith("export "))
        shell = ["sh", "-c", f"{pasted}env"]
        printed = subprocess.run(shell, capture_output=True, text=True, check=True).stdout
        for hook, name in ((SenGoHook(), "SENGO"), (SenangPayHook(), "SENANGPAY")):
            uri = re.search(rf"^AIRFLOW_CONN_{name}_DEFAULT=(.*)$", printed, re.MULTILINE)[1]
            read = Connection(uri=uri)
            assert (read.conn_type, read.host) == (name.lower(), "127.0.0.1")
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}_DEFAULT", uri)
            assert hook.test_connection()[0], hook.test_connection()
            assert hook.credentials.base_url == getattr(simulator, URLS[name])


def test_each_option_is_explained():
    """``--help`` says of every option what it does."""
    assert [action.dest for action in parser()._actions if not action.help] == []


def test_a_taken_port_is_told(capsys):
    """A port in use ends the command with 2 and one clear line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--per-day", "1"]) == 2
    error = capsys.readouterr().err
    assert error == f"SenGo simulator: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])
def test_only_loopback_addresses(capsys, host):
    """Any address that others could reach is refused, as an option and in Python."""
    assert main(["--host", host, "--port", "0", "--per-day", "1"]) == 2
    assert "loopback" in capsys.readouterr().err
    with pytest.raises(ValueError, match="loopback"):
        Simulator(host=host, per_day=1).__enter__()


@pytest.mark.parametrize(
    "options", [["--credential", "nocolon"], ["--day-zone", "Mars"], ["--page-size", "0"], ["--now", "soon"]]
)
def test_wrong_options(capsys, options):
    """A wrong option ends with 2 and says which."""
    assert main(["--port", "0", *options]) == 2
    assert capsys.readouterr().err.startswith("SenGo simulator: ")


def test_signals_are_given_back():
    """Running the command's function leaves the process's signal handlers alone."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    main(["--host", "0.0.0.0"])
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_an_independent_witness():
    """No file of the simulator imports anything else of this package, or a library beyond those agreed."""
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level <= 1, file.name
                names = [node.module] if node.level == 0 else []
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names or top in ALLOWED, f"{file.name}: {name}"


def test_importing_is_light():
    """The package's import brings neither FastAPI nor uvicorn nor asyncio servers."""
    code = "import sys, airflow_provider_sengo.simulator; print('fastapi' in sys.modules, 'uvicorn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_files_and_bodies_are_short():
    """Files have fewer than 300 lines and bodies fewer than 50."""
    for file in FOLDER.glob("*.py"):
        text = file.read_text()
        assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n"), file.name
        assert len(text.splitlines()) < 300, file.name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno - node.body[0].lineno + 1 < 50, f"{file.name}: {node.name}"
