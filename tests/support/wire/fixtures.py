"""Fixtures of tests behind the faulty wire. A test file takes them over by importing them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec
import pytest

from server.settings import Settings
from support.databases import primary_of
from support.wire.faulty import FaultyWire


@pytest.fixture
def wire(mongodb_uri: str) -> Iterator[FaultyWire]:
    """A faulty wire before the MongoDB of this run."""
    started = FaultyWire(*primary_of(mongodb_uri))
    started.start()
    yield started
    started.release()
    started.end()


@pytest.fixture
def settings(settings: Settings, wire: FaultyWire) -> Settings:
    """Settings whose MongoDB is behind the wire. The driver retries nothing, so that we have to."""
    database = urlsplit(settings.mongodb_uri).path.strip("/")
    uri = wire.uri(database, retryWrites="false", retryReads="false")
    return msgspec.structs.replace(settings, mongodb_uri=uri)
