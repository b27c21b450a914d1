"""The small files that a server keeps in DATA_DIR."""

import errno
import re
from pathlib import Path

from server.errors import BadSettings

# A file or directory that is not what it should be. Such an error does not end by itself.
_WRONG = {
    errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENXIO,
    errno.EACCES, errno.EPERM, errno.EROFS,
}


def read_kept(path: Path, pattern: re.Pattern[str]) -> str:
    """Return the text in a file, "" if it is missing. Raises BadSettings if it is not of this pattern."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return ""
    if not pattern.fullmatch(text):
        raise BadSettings(
            f"{path} is damaged: restore it, or delete it and let a start make it anew (a new secret_key "
            "opens nothing that the old one sealed)"
        )
    return text


def what_is_wrong(error: OSError) -> str:
    """Return one line that names the file with which an operation failed, if that file is not what it should
    be; "" for other errors."""
    if error.errno not in _WRONG or not error.filename:
        return ""
    return f"{error.filename}: {error.strerror}: the server needs to read and write a file of its own there"
