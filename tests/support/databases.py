"""The addresses of databases: another database of a test, a database's name, the primary."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pymongo import MongoClient


def with_database(uri: str, name: str) -> str:
    """Return the URI of another database of the same store, for the same user.

    A user belongs to one database: the option authSource names it; without the option it is the URI's
    database, or admin. With mongodb+srv a DNS record names that database, so nothing is added.
    """
    parts = urlsplit(uri)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "@" in parts.netloc and "authSource" not in options and parts.scheme == "mongodb":
        options["authSource"] = parts.path.strip("/") or "admin"
    return urlunsplit(parts._replace(path=f"/{name}", query=urlencode(options)))


def database_of(uri: str) -> str:
    """Return the name of the database that a URI names."""
    return urlsplit(uri).path.strip("/")


def primary_of(uri: str) -> tuple[str, int]:
    """Return the primary's host and port: a URI may name several members, or only a DNS record."""
    client: MongoClient[dict[str, Any]]
    with MongoClient(uri) as client:
        address: tuple[str, int] | None = client.address
    assert address is not None
    return address
