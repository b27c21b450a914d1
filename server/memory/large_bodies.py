"""The large bodies that a process reads or answers: at most so many at once, from headers to replies."""

from server.errors import Busy

LARGE_AT_ONCE = 16
A_PERSON = 2
STRANGERS = 8


class LargeBodies:
    """The requests with a large body that this process reads or answers, each with its person, "" for
    strangers."""

    def __init__(self) -> None:
        self._owners: dict[object, str] = {}

    def take(self, request: object, owner: str) -> None:
        """Take a place for a request. Raises Busy if there is none."""
        owners = list(self._owners.values())
        if owners.count(owner) >= (A_PERSON if owner else STRANGERS):
            raise Busy(f"同时最多上传 {A_PERSON} 张图片，请等前面的传完再试" if owner else None)
        if len(owners) >= LARGE_AT_ONCE:
            raise Busy
        self._owners[request] = owner

    def leave(self, request: object) -> None:
        """Give a request's place back, if it has one."""
        self._owners.pop(request, None)

    def __len__(self) -> int:
        return len(self._owners)
