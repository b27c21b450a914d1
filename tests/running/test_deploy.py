"""What a deployer copies: each file of `deploy/` is read by the program that it is for, if that is here."""

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from server.running.notify import tell
from support import SOURCE
from support.servers import a_server, clean_environment

DEPLOY = SOURCE / "deploy"
MOST_EXPOSED = 2.0  # of 10, by `systemd-analyze security`


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_takes_the_unit_and_finds_it_closed(tmp_path):
    unit = tmp_path / "wabao.service"
    text = (DEPLOY / "wabao.service").read_text()
    unit.write_text(text.replace("/opt/wabao/venv/bin/python", sys.executable))
    run("systemd-analyze", "verify", "--man=no", unit)
    said = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    found = re.search(r"exposure level for wabao.service: (\S+)", said)
    assert float(found[1]) <= MOST_EXPOSED, said


def test_systemd_is_told_that_the_server_is_there_and_lives_and_stops(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with a_server(tmp_path / "data", **told) as running:
            said = [manager.recv(100) for _ in range(4)]
            assert set(said) == {b"READY=1", b"WATCHDOG=1"}
            assert running.end() == 0
            while said[-1] != b"STOPPING=1":
                said.append(manager.recv(100))


def test_a_server_goes_on_though_systemd_does_not_listen(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    tell("READY=1")
    assert "NOTIFY_SOCKET: READY=1 was not told" in caplog.text


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package promtool is not installed")
def test_prometheus_takes_its_file(tmp_path):
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(DEPLOY / name, tmp_path)
    (tmp_path / "metrics_token").touch()
    run("promtool", "check", "config", tmp_path / "prometheus.yml")


def test_the_dashboard_shows_metrics_that_there_are():
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    texts = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    shown = {name for text in texts for name in re.findall(r"wabao_\w+", text)}
    there = {
        metric.name + ending
        for metric in REGISTRY.collect()
        for ending in {"counter": ("_total",), "histogram": ("_bucket",)}.get(metric.type, ("",))
    }
    assert shown
    assert shown <= there


def test_the_image_has_all_that_the_server_imports(tmp_path):
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if copied := re.fullmatch(r"COPY (\w+) (\w+)", line):
            shutil.copytree(SOURCE / copied[1], tmp_path / copied[2])
    imports = "import server.__main__, server.running.worker, server.app, handlers.cash.routes"
    environment = clean_environment(PYTHONPATH=str(tmp_path))
    for command in (["-c", imports], ["-m", "server", "secret"]):
        subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, check=True, timeout=60)


def test_the_files_name_the_same_ports_paths_and_stores():
    compose = (DEPLOY / "compose.yml").read_text()
    nginx = (DEPLOY / "nginx.conf").read_text()
    assert "user www-data;" in nginx
    assert "server 127.0.0.1:8000;" in nginx
    for replaced in re.findall(r"-e 's([/#])\^?(.*?)\1", compose):
        assert replaced[1].lstrip("^") in nginx
    targets = re.findall(r'targets: \["(\S+):8000"\]', (DEPLOY / "prometheus.yml").read_text())
    assert targets == ["server-1"]
    assert Path("deploy/Dockerfile").name in compose
