"""A watcher for tests of the hub."""

from typing import Any

from support.histories import frames_of


class Collecting:
    """A watcher that keeps the frames that it gets."""

    unsent_bytes = 0
    person_id = "somebody"

    def __init__(self) -> None:
        self.data = b""

    def send(self, frames: bytes) -> None:
        self.data += frames

    def cut_if_stuck(self, now: float) -> bool:
        return False

    @property
    def frames(self) -> list[dict[str, Any]]:
        return frames_of(self.data)
