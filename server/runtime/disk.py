"""How much room is left where DATA_DIR is. Nothing here writes."""

import os
from pathlib import Path


class Disk:
    """The disk of a directory. Asking it takes microseconds: the kernel knows the answer."""

    def __init__(self, directory: str, least_mb: int) -> None:
        self.least_mb = least_mb
        path = Path(directory).absolute()
        self._paths = [path, *path.parents]  # a server with stores elsewhere may have no DATA_DIR

    @property
    def free_mb(self) -> int:
        """MiB left for us."""
        found = os.statvfs(next(path for path in self._paths if path.exists()))
        return found.f_bavail * found.f_frsize >> 20

    @property
    def low(self) -> bool:
        """Whether less room is left than `least_mb`."""
        return self.free_mb < self.least_mb
