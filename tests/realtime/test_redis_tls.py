"""A Redis behind TLS with an unknown certificate."""

import ssl
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tornado.log import app_log
from tornado.testing import ExpectLog

from server.errors import BadSettings
from server.realtime.bus import Bus
from server.settings import Settings, read_settings
from support.buses import KEYS, PREFIX, a_bus
from support.link import Link


def tls_front(redis_url: str, certificate: Path) -> AbstractAsyncContextManager[str]:
    """Serve TLS in front of a Redis; the context manager yields the URL."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    return Link(redis_url, tls).redis()


def pem_of(certificate: Path) -> str:
    text = certificate.read_text()
    return text[text.index("-----BEGIN CERTIFICATE") :]


async def test_a_certificate_that_nobody_signed_is_refused_and_the_log_says_why(redis_url, certificate):
    async with tls_front(redis_url, certificate) as url:
        bus = Bus(Settings(redis_url=url), PREFIX, KEYS)
        with ExpectLog(app_log, "redis is gone: .*certificate verify failed.*REDIS_CA_CERT"):
            assert not await bus.ping()
            bus.start(lambda *_: None, lambda _: None)
            while not bus.fault:
                await bus.ping()
        assert bus.fault == "certificate"
        await bus.close()


@pytest.mark.parametrize("how", ["unverified", "its own authority"])
async def test_such_a_certificate_is_taken_if_the_settings_say_so(redis_url, certificate, how):
    pem = pem_of(certificate).replace("\n", "\\n")
    said = {"REDIS_TLS_VERIFY": "0"} if how == "unverified" else {"REDIS_CA_CERT": pem}
    async with (
        tls_front(redis_url, certificate) as url,
        a_bus(read_settings({"REDIS_URL": url, **said})) as bus,
    ):
        assert await bus.publish("aaaaaaaa", b"") is not None


def test_a_certificate_that_is_none_is_said_by_its_setting():
    with pytest.raises(BadSettings, match="REDIS_CA_CERT"):
        read_settings({"REDIS_CA_CERT": "nothing"})


async def test_the_operators_screen_is_told_why_redis_is_away(context):
    context.bus.connected.clear()
    context.bus.fault = "certificate"
    alarms = context.feed._alarms()
    assert [alarm.what for alarm in alarms if alarm.kind == "redis"] == ["certificate"]
