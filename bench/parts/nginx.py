"""A real nginx with `deploy/nginx.conf`, of which only ports, files and the certificate are changed."""

import getpass
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from server.running.stores import free_port

CONF = Path(__file__).parents[2] / "deploy" / "nginx.conf"
FOUND = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
START_SECONDS = 10


def write_conf(
    directory: Path, port: int, tls_port: int, plain_port: int = 0, changes: Mapping[str, str] | None = None
) -> Path:
    """Write the configuration for a server at `port`. At `plain_port`, if given, nginx speaks plain HTTP.

    `changes` are further expressions in it, and what replaces them.
    """
    text = CONF.read_text("utf-8")
    key = directory / "key.pem"
    certificate = directory / "certificate.pem"
    if not key.exists():
        asked = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost", "-days", "2"]
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *asked]
        subprocess.run(made, check=True, capture_output=True)
    for pattern, changed in (
        (r"user www-data;", f"user {getpass.getuser()};"),
        (r"pid .*;", f"pid {directory}/nginx.pid;"),
        (r"/var/log/nginx", str(directory)),
        (r"server 127\.0\.0\.1:8000;", f"server 127.0.0.1:{port};"),
        (r"listen \[::\].*;", ""),
        (r"listen 80;", f"listen 127.0.0.1:{free_port()};"),
        (r"listen 443 ssl;", f"listen 127.0.0.1:{tls_port} ssl;"),
        (r"ssl_certificate [^;]*", f"ssl_certificate {certificate}"),
        (r"ssl_certificate_key [^;]*", f"ssl_certificate_key {key}"),
        *(changes or {}).items(),
    ):
        text, count = re.subn(pattern, changed, text)
        assert count, pattern
    if plain_port:
        text = text.replace("http2 on;", f"listen 127.0.0.1:{plain_port};\n        http2 on;")
    paths = "".join(
        f"    {name}_temp_path {directory}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", f"http {{\n{paths}", 1)
    conf = directory / "nginx.conf"
    conf.write_text(text, "utf-8")
    return conf


@contextmanager
def nginx(
    directory: Path, port: int, plain_port: int = 0, changes: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run nginx in front of the server at `port`; yield its port for https."""
    assert FOUND is not None, "install nginx"
    tls_port = free_port()
    conf = write_conf(directory, port, tls_port, plain_port, changes)
    command = [FOUND, "-p", str(directory), "-c", str(conf), "-e", str(directory / "error.log")]
    process = subprocess.Popen([*command, "-g", "daemon off;"])
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (directory / "nginx.pid").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        yield tls_port
    finally:
        process.terminate()
        process.wait(START_SECONDS)
