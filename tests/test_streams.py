"""Standard output and standard error: what is written to them waits for no reader."""

import os
from typing import Any

import pytest
from prometheus_client import REGISTRY

from server.telemetry.streams import QueuedStream

KEPT = 10


def dropped() -> float:
    return REGISTRY.get_sample_value("wabao_output_dropped_total", {"stream": "test"}) or 0


@pytest.fixture
def pipe() -> tuple[Any, Any]:
    read, write = os.pipe()
    return os.fdopen(read, "rb"), os.fdopen(write, "wb")


def test_what_nobody_reads_is_counted_and_dropped_and_once_somebody_reads_all_goes_on(pipe):
    reader, writer = pipe
    filling = b"x" * (64 << 10)
    assert os.write(writer.fileno(), filling) == len(filling)  # now the pipe is full
    stream = QueuedStream("test", writer.fileno(), KEPT)
    before = dropped()
    for number in range(100):
        stream.write(f"{number:03}\n")
    lost = int(dropped() - before)
    assert 100 - KEPT - 1 <= lost <= 100 - KEPT  # the thread may hold one more
    assert reader.read(len(filling)) == filling
    assert [int(reader.readline()) for _ in range(KEPT)] == list(range(KEPT))
    stream.write("and on\n")
    assert b"and on\n" in (reader.readline(), reader.readline() if 100 - lost > KEPT else b"")
    assert dropped() - before == lost
    reader.close()
    writer.close()


def test_the_end_waits_for_a_slow_reader_only_so_long(pipe):
    reader, writer = pipe
    stream = QueuedStream("test", writer.fileno(), KEPT)
    stream.write("x" * (1 << 20))
    assert not stream.finish(0.01)
    assert len(reader.read(1 << 20)) == 1 << 20
    assert stream.finish()
    reader.close()
    writer.close()


def test_a_stream_that_another_program_made_non_blocking_is_written_whole(pipe):
    reader, writer = pipe
    os.set_blocking(writer.fileno(), False)
    stream = QueuedStream("test", writer.fileno(), KEPT)
    text = "x" * (1 << 20)
    stream.write(text)
    assert reader.read(len(text)).decode() == text
    stream.finish()
    reader.close()
    writer.close()
