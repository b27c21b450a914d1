"""Do uploads delay other requests? Ten people upload 10 megapixels each, while /healthz is timed.

    python bench/uploads.py [--pictures 10] [--kind mixed|jpeg|png|webp]

Starts a server of its own (one process, embedded stores, an empty directory) on a free port. A separate
process uploads. The same run first times /healthz without uploads.
"""

import argparse
import http.client
import io
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing

import httpx
from PIL import Image

from parts.serving import Person, running

SIZE = (3872, 2592)  # 10.04 megapixels
KINDS = ("jpeg", "png", "webp")
PAUSE_SECONDS = 0.002
IDLE_PROBES = 1000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--pictures", type=int, default=10)
    arguments.add_argument("--kind", choices=["mixed", *KINDS], default="mixed")
    asked = arguments.parse_args()
    kinds = KINDS if asked.kind == "mixed" else (asked.kind,)
    drawn = {kind: a_photo(kind) for kind in kinds}
    pictures = [drawn[kinds[number % len(kinds)]] for number in range(asked.pictures)]

    with ProcessPoolExecutor(1) as uploader, running() as server:
        uploader.submit(os.getpid).result()  # start the process now, before anything is timed
        people = [server.log_in(f"bench{number}") for number in range(len(pictures))]
        upload(server.port, people[:2], pictures[:2])  # this starts the processes for pictures
        idle = probe(server.port, lambda probes: len(probes) >= IDLE_PROBES)
        began = time.perf_counter()
        uploads: Future[list[float]] = uploader.submit(upload, server.port, people, pictures)
        busy = probe(server.port, lambda _: uploads.done())
        seconds = uploads.result()
        took = time.perf_counter() - began

    sizes = ", ".join(f"{kind} {len(data) / 2**20:.1f} MB" for kind, data in drawn.items())
    print(f"{len(pictures)} pictures of {SIZE[0]} × {SIZE[1]} at once ({sizes}), {os.cpu_count()} cores")
    print(f"all stored after {took:.2f} s; one upload took {min(seconds):.2f} to {max(seconds):.2f} s\n")
    print(f"{'/healthz, ms':<24}{'probes':>8}{'p50':>8}{'p99':>8}{'max':>8}")
    for name, probes in (("idle", idle), ("while they are uploaded", busy)):
        print(f"{name:<24}{len(probes):>8}{figures(probes)}")


def a_photo(kind: str) -> bytes:
    """Return a picture full of detail, with as many bytes as a photo of this size."""
    detail = Image.effect_noise((SIZE[0] // 4, SIZE[1] // 4), 80).resize(SIZE)
    image = Image.merge("RGB", [detail, detail.transpose(Image.Transpose.ROTATE_180), detail])
    buffer = io.BytesIO()
    if kind == "png":
        image = image.point(lambda value: value & 0xF0)  # else its size would be over the limit
    image.save(buffer, kind, **({} if kind == "png" else {"quality": 88}))
    return buffer.getvalue()


def upload(port: int, people: list[Person], pictures: list[bytes]) -> list[float]:
    """Upload all at once, each by another person; return the seconds of each."""

    def one(person: Person, data: bytes) -> float:
        began = time.perf_counter()
        reply = httpx.post(
            f"http://127.0.0.1:{port}/uploadFile",
            files={"file": data},
            data={"unionid": person.unionid},
            headers={"Authorization": f"Bearer {person.token}"},
            timeout=60,
        ).json()
        assert reply["status"] == 0, reply
        return time.perf_counter() - began

    with ThreadPoolExecutor(len(pictures)) as threads:
        return list(threads.map(one, people, pictures))


def probe(port: int, enough: Callable[[list[float]], bool]) -> list[float]:
    """Ask /healthz on one connection until `enough`; return the seconds of each answer."""
    probes: list[float] = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        while not enough(probes):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            response.read()
            probes.append(time.perf_counter() - began)
            assert response.status == 200
            time.sleep(PAUSE_SECONDS)
    return probes


def figures(probes: list[float]) -> str:
    cuts = statistics.quantiles(probes, n=100, method="inclusive")
    return "".join(f"{1000 * seconds:>8.1f}" for seconds in (cuts[49], cuts[98], max(probes)))


if __name__ == "__main__":
    main()
