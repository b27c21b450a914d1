"""What MongoDB's errors mean: that it did not answer, or that we asked wrongly.

Codes are those of https://www.mongodb.com/docs/manual/reference/error-codes/; which of them a driver may
retry is in https://github.com/mongodb/specifications (retryable writes, server discovery and monitoring).
"""

from __future__ import annotations

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    CursorNotFound,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

DUPLICATE_KEY = 11000

# A replica set that changes its primary, shuts down or is overloaded says one of these. It may have done what
# was asked: some come after the work, while it waits for a majority.
_PASSING_CODES = frozenset(
    (
        6,  # HostUnreachable
        7,  # HostNotFound
        64,  # WriteConcernTimeout
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        100,  # UnsatisfiableWriteConcern: too few members are left
        112,  # WriteConflict
        134,  # ReadConcernMajorityNotAvailableYet
        175,  # QueryPlanKilled
        189,  # PrimarySteppedDown
        217,  # IncompleteTransactionHistory: the set no longer knows of the write that is retried
        262,  # ExceededTimeLimit
        365,  # TemporarilyUnavailable
        462,  # IngressRequestRateLimitExceeded
        8000,  # a hosted cluster's own limits (AtlasError)
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    )
)
_PASSING_LABELS = ("RetryableWriteError", "SystemOverloadedError")


class Uncommitted(PyMongoError):
    """A key is taken by a document that a majority does not have yet, and perhaps never will."""


def is_unavailable(error: BaseException | None) -> bool:
    """Whether an error says that MongoDB did not answer, rather than that we asked wrongly.

    What was asked may have happened all the same, and what happened may be undone.
    """
    if not isinstance(error, PyMongoError):
        return False
    if (
        isinstance(error, ConnectionFailure | WriteConcernError | CursorNotFound | Uncommitted)
        or error.timeout
    ):
        return True
    if isinstance(error, ConfigurationError):
        return _is_unresolved(error)
    if any(map(error.has_error_label, _PASSING_LABELS)):
        return True
    if isinstance(error, BulkWriteError):
        return _is_unavailable_bulk(error)
    return isinstance(error, OperationFailure) and error.code in _PASSING_CODES


def _is_unresolved(error: ConfigurationError) -> bool:
    """Whether a mongodb+srv:// address could not be looked up. A name that does not exist is wrong for good.

    PyMongo looks it up before a client's first command, and tells all that goes wrong as one kind of error
    (`_resolve_uri` in its srv_resolver.py). Later look-ups are its own, and their failures change nothing:
    https://github.com/mongodb/specifications/blob/master/source/polling-srv-records-for-mongos-discovery/polling-srv-records-for-mongos-discovery.md
    """
    cause = error.__cause__ or error.__context__
    return isinstance(cause, DNSException | OSError) and not isinstance(cause, NXDOMAIN | NoAnswer)


def _is_unavailable_bulk(error: BulkWriteError) -> bool:
    """Whether nothing worse happened to several writes; keys that are taken are the caller's to judge."""
    failed = [each["code"] for each in error.details.get("writeErrors", ())]
    wrong = [code for code in failed if code not in _PASSING_CODES and code != DUPLICATE_KEY]
    return not wrong and (
        bool(error.details.get("writeConcernErrors")) or any(c in _PASSING_CODES for c in failed)
    )


def only_duplicates(error: BulkWriteError) -> bool:
    """Whether nothing went wrong with several writes but that keys were taken, for good."""
    failed = [each["code"] for each in error.details.get("writeErrors", ())]
    return set(failed) == {DUPLICATE_KEY} and not error.details.get("writeConcernErrors")


def refused_reason(error: BaseException) -> str | None:
    """Return what MongoDB said when it refused a command, in one line; None for any other error."""
    if not isinstance(error, OperationFailure) or is_unavailable(error):
        return None
    said = (error.details or {}).get("errmsg") or str(error)
    return f"{error.code}: {str(said).splitlines()[0][:200]}"
