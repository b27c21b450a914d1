"""The authorities that our HTTPS clients trust, read once per process, since reading them blocks the event
loop."""

import functools
import ssl

import httpx


@functools.cache
def trusted() -> ssl.SSLContext:
    """Return what `verify` of an httpx client takes. Other authorities are named by SSL_CERT_FILE."""
    return httpx.create_ssl_context()
