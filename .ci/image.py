"""Run the steps of deploy/Dockerfile in bare Debian roots, where there is no container engine.

Usage, as root, with Debian's package mmdebstrap: unshare --mount python .ci/image.py DIRECTORY

The roots have Debian's Python in place of the image's. What the image starts is started beside embedded
stores, until its health check passes and it is ready; then it is ended by its signal. DIRECTORY/base is made
if it is not there.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from server.running.stores import EmbeddedMongoDB, EmbeddedRedis

SOURCE = Path(__file__).resolve().parent.parent
DOCKERFILE = SOURCE / "deploy" / "Dockerfile"
PACKAGES = "ca-certificates,python-is-python3,python3-venv"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What reaches this machine's network, and is copied from it.
NAMES = "/etc/resolv.conf"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CONTINUED = re.compile(r"\\\n\s*")
READY_SECONDS = 120.0
# The settings without which nothing starts in production.
SETTINGS = {
    "PUBLIC_URL": "https://wabao.example",
    "SECRET_KEY": "fd6e5a34c9b0417c8a1b2e0d9f73c6a5",
    "OPS_TOKEN": "3f0c9a7be1d24586b7e8a9c0d1f2e3b4",
    "METRICS_TOKEN": "9b1d7c3e5f60482a8c4d2e1f0a3b5c7d",
    "WECHAT_APPID": "wx0000000000000000",
    "WECHAT_SECRET": "0123456789abcdef0123456789abcdef",
    "WECHAT_PAGE": "pages/treasure/treasure",
    "CONTENT_CHECKS": "0",
}


class Root:
    """A root in which a stage of the image is built and run."""

    def __init__(self, directory: Path, base: Path) -> None:
        subprocess.run(["cp", "-a", base, directory], check=True)
        for name in (NAMES, CERTIFICATES):
            subprocess.run(["cp", name, directory / name.lstrip("/")], check=True)
        subprocess.run(["mount", "--rbind", "/dev", directory / "dev"], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", directory / "proc"], check=True)
        self.directory = directory
        self.user = "0"
        self.work = "/"
        self.environment = {"PATH": PATH, "PIP_CERT": CERTIFICATES}
        self.said: dict[str, str] = {}

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs a command as this stage's user."""
        inside = [
            "env",
            "-i",
            "-C",
            self.work,
            *(f"{name}={value}" for name, value in self.environment.items()),
        ]
        return ["chroot", f"--userspec={self.user}:{self.user}", str(self.directory), *inside, *command]

    def copy(self, source: Path, target: str) -> None:
        """Copy a file, or what is in a folder."""
        into = self.directory / self.work.lstrip("/") / target.lstrip("/")
        into.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", "-T", "--no-preserve=ownership", source, into], check=True)

    def step(self, name: str, rest: str, stages: dict[str, Root]) -> None:
        """Take one instruction of the Dockerfile."""
        match name:
            case "COPY" if rest.startswith("--from="):
                stage, source, target = rest.removeprefix("--from=").split()
                self.copy(stages[stage].directory / source.lstrip("/"), target)
            case "COPY":
                source, target = rest.split()
                self.copy(SOURCE / source, target)
            case "RUN":
                subprocess.run(self.command("sh", "-c", rest), check=True)
            case "WORKDIR":
                self.work = rest
                (self.directory / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                self.user = rest
            case "ENV":
                for setting in shlex.split(rest):
                    variable, value = setting.split("=", 1)
                    self.environment[variable] = value.replace("$PATH", self.environment["PATH"])
            case _:
                self.said[name] = rest


def build(directory: Path) -> Root:
    """Run all instructions; return the root of the last stage."""
    base = directory / "base"
    stages: dict[str, Root] = {}
    root: Root | None = None
    for line in CONTINUED.sub(" ", DOCKERFILE.read_text()).splitlines():
        if not line or line.startswith("#"):
            continue
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        name, rest = line.split(maxsplit=1)
        if name != "FROM":
            assert root is not None
            root.step(name, rest, stages)
            continue
        image, _, stage = rest.partition(" AS ")
        if not base.exists():
            suite = image.rpartition("-")[2]
            subprocess.run(
                ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", suite, base], check=True
            )
        root = stages[stage] = Root(directory / f"stage{len(stages)}", base)
    assert root is not None
    return root


def serve(root: Root, **settings: str) -> None:
    """Start what the image starts. Raises AssertionError if it is not healthy and ready, or ends badly."""
    root.environment |= settings
    subprocess.run(root.command("python", "-m", "server", "release", "--unchecked"), check=True)
    check = root.command(*json.loads(root.said["HEALTHCHECK"].partition("CMD ")[2]))
    until = time.monotonic() + READY_SECONDS
    with subprocess.Popen(root.command(*json.loads(root.said["CMD"]))) as served:
        try:
            while subprocess.run(check, stderr=subprocess.DEVNULL, check=False).returncode or not _ready(
                root
            ):
                assert served.poll() is None, "it ended"
                assert time.monotonic() < until, "it is not ready"
                time.sleep(1)
        finally:
            served.send_signal(getattr(signal, root.said["STOPSIGNAL"]))
            ended = served.wait(60)
    assert ended == 0, ended


def _ready(root: Root) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{root.environment['PORT']}/readyz", timeout=4):
            return True
    except urllib.error.URLError:
        return False


def main(directory: str) -> int:
    """Build the image's roots in a directory, and serve from the last."""
    root = build(Path(directory))
    stores = [store(Path(directory) / "data") for store in (EmbeddedMongoDB, EmbeddedRedis)]
    try:
        for store in stores:
            store.start()
        serve(root, **SETTINGS, MONGODB_URI=stores[0].uri, REDIS_URL=stores[1].uri)
    finally:
        for store in stores:
            store.kill()
    sys.stdout.write("it was built, was healthy and ready, and ended\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
