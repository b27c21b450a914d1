"""The people about whose risk this process asked WeChat today, and how many answers are still missing. Asks
no store."""

from cachetools import LRUCache

REMEMBERED = 10_000


class RiskLooks:
    """One per process."""

    def __init__(self) -> None:
        self._day_of = LRUCache[str, int](REMEMBERED)
        self._under_way = 0
        self._calls = 0
        self._late = False

    def begin(self, person_id: str, day: int, most: int) -> bool:
        """Note that WeChat is asked about a person; False if it was asked about them that day, or `most`
        answers are missing."""
        if self._day_of.get(person_id) == day or self._under_way >= most:
            return False
        self._day_of[person_id] = day
        self._under_way += 1
        return True

    def end(self) -> None:
        """Note that WeChat answered about a person, or that nobody waits for its answer any more."""
        self._under_way -= 1

    def begin_call(self) -> bool:
        """Whether to call WeChat now. While WeChat is late, there is only one call at a time, which shows
        when WeChat is in time again."""
        if self._late and self._calls:
            return False
        self._calls += 1
        return True

    def end_call(self, *, in_time: bool) -> None:
        """Note that WeChat answered, or that it did not in time."""
        self._calls -= 1
        self._late = not in_time
