"""The packages that a deployment installs: all are pinned, each file by its hashes."""

import configparser
import re
from collections.abc import Iterator
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support import SOURCE

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pins() -> dict[str, Requirement]:
    """Return the pins of requirements.txt by name, without hashes."""
    text = (SOURCE / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in lines:
        assert HASH.search(line), line
        assert "--" not in HASH.sub("", line), line
    found = [Requirement(HASH.sub("", line).strip()) for line in lines]
    return {canonicalize_name(pin.name): pin for pin in found}


def asked() -> list[Requirement]:
    setup = configparser.ConfigParser()
    setup.read(SOURCE / "setup.cfg", encoding="utf-8")
    return [Requirement(line) for line in setup["options"]["install_requires"].split("\n") if line]


def dependencies(requirement: Requirement, seen: set[str]) -> Iterator[Requirement]:
    """Yield a requirement's direct and indirect dependencies on this machine, from the installed packages."""
    if str(requirement) in seen:
        return
    seen.add(str(requirement))
    for text in requires(requirement.name) or []:
        needed = Requirement(text)
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ["", *requirement.extras]):
            yield needed
            yield from dependencies(needed, seen)


def test_each_requirement_is_pinned_at_a_version_that_it_allows():
    pinned = pins()
    for requirement in asked():
        (version,) = pinned[canonicalize_name(requirement.name)].specifier
        assert version.operator == "=="
        assert version.version in requirement.specifier, requirement


def test_each_dependency_of_a_requirement_is_pinned_too():
    pinned = pins()
    seen = set[str]()
    for requirement in asked():
        for needed in dependencies(requirement, seen):
            assert canonicalize_name(needed.name) in pinned, f"{requirement.name} brings {needed}"
    assert len(seen) > len(asked())
