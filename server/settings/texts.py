"""The texts that WeChat's review of a mini-program asks for: agreement and privacy policy, as files that the
operator edits."""

from functools import lru_cache
from pathlib import Path

import msgspec

from server.errors import BadSettings

SHIPPED = Path(__file__).parents[2] / "static" / "texts"
# In the shipped texts, each place that the operator has to fill in begins like this.
BLANK = "【填写"
# A line that begins like this is shown only where red packets are taken.
WITH_CASH = "【只在有红包时】"
MOST_BYTES = 64 << 10


class Texts(msgspec.Struct, frozen=True):
    """Both are plain text: markup in them means nothing, and is shown as it is."""

    agreement: str
    privacy: str

    @property
    def unfinished(self) -> list[str]:
        """The files in which something is still to be filled in."""
        return [f"{name}.txt" for name in self.__struct_fields__ if BLANK in getattr(self, name)]


@lru_cache(maxsize=8)
def read_texts(directory: str, cash: int) -> Texts:
    """Return the texts in a folder, or the shipped texts if it is "". Later changes of the files have no
    effect. Without `cash`, the lines about red packets are left out.

    Raises BadSettings that names a file that is missing, empty, too long or not UTF-8.
    """
    folder = Path(directory) if directory else SHIPPED
    return Texts(**{name: _shown(_read(folder / f"{name}.txt"), cash) for name in Texts.__struct_fields__})


def _shown(text: str, cash: int) -> str:
    lines = (line for line in text.splitlines() if cash or not line.startswith(WITH_CASH))
    return "\n".join(line.removeprefix(WITH_CASH) for line in lines)


def _read(path: Path) -> str:
    wanted = f"TEXTS_DIR must have {path.name}, a plain text in UTF-8 of at most {MOST_BYTES >> 10} KB"
    try:
        with path.open("rb") as file:
            read = file.read(MOST_BYTES + 1)
        text = read.decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{wanted}: {type(error).__name__}") from None
    if not text or len(read) > MOST_BYTES or "\0" in text:
        raise BadSettings(f"{wanted}: it is {'too long' if len(read) > MOST_BYTES else 'empty or no text'}")
    return text
