"""What MongoDB's errors mean: that it did not answer, that it refuses this user, or that we asked wrongly.

Codes are those of https://www.mongodb.com/docs/manual/reference/error-codes/; which of them a driver may
retry is in https://github.com/mongodb/specifications (retryable writes, server discovery and monitoring).
MongoDB's own error_codes.yml says what kind of error a code is, and that some never reach a client:
https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml

A $lookup of read concern majority may fail with code 246 even without a transaction: see MongoDB's
src/mongo/db/db_raii.cpp (assertAllNamespacesAreCompatibleForReadTimestamp).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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

from server.errors import BadSettings

DUPLICATE_KEY = 11000

# A replica set that changes its primary, shuts down or is overloaded answers with one of these codes. It may
# have done what was asked: some of the codes come after the work, while the set waits for a majority.
_PASSING_CODES = frozenset(
    (
        6,  # HostUnreachable
        7,  # HostNotFound
        24,  # LockTimeout
        64,  # WriteConcernTimeout
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        100,  # UnsatisfiableWriteConcern: too few members are left
        112,  # WriteConflict
        133,  # FailedToSatisfyReadPreference: a mongos finds no primary
        134,  # ReadConcernMajorityNotAvailableYet
        150,  # StaleEpoch: a mongos asked the wrong shards in each of its tries
        175,  # QueryPlanKilled
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        217,  # IncompleteTransactionHistory: the set no longer knows of the write that is retried
        237,  # CursorKilled
        246,  # SnapshotUnavailable: an index was built or dropped while a read of two collections began
        262,  # ExceededTimeLimit
        365,  # TemporarilyUnavailable
        462,  # IngressRequestRateLimitExceeded
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13388,  # StaleConfig: the same as 150
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        14031,  # OutOfDiskSpace
    )
)
# A store answers with one of these codes if its disk, descriptors or memory fail, or it has a fault of its
# own. These too may come after the work was done.
_ILL_CODES = frozenset(
    (
        1,  # InternalError
        8,  # UnknownError: what the storage engine heard of the system, such as ENOSPC, EIO, EMFILE
        37,  # FileRenameFailed
        38,  # FileNotOpen
        39,  # FileStreamFailed
        42,  # LogWriteFailed
        94,  # NotYetInitialized
        96,  # OperationFailed: what has no code of its own
        107,  # LockFailed
        172,  # TransportSessionClosed
        176,  # FileOpenFailed
        208,  # TooManyLocks
        261,  # TooManyLogicalSessions
        264,  # TooManyFilesOpen
        301,  # DataCorruptionDetected
        371,  # UserWritesBlocked: by the cluster's operator
        402,  # ResourceExhausted
        407,  # PooledConnectionAcquisitionExceededTimeLimit: on a mongos
        433,  # AdmissionQueueOverflow
        449,  # RateLimitExceeded
    )
)
_DENYING_CODES = (13, 18)  # Unauthorized, AuthenticationFailed.
# Atlas answers with this code to all that its own proxy refuses. Only the text says what was wrong.
_ATLAS = 8000
_ATLAS_DENIES = re.compile(r"\bauth|\bnot (?:allowed|authorized)\b", re.IGNORECASE)
_ATLAS_LIMITS = re.compile(r"quota|limit|exceed|too many|already using", re.IGNORECASE)
_A_DOCUMENT = re.compile(r"\{ ?([\w.$]*).*", re.DOTALL)
_NO_THREAD = "can't start new thread"  # what Python says
_PASSING_LABELS = ("RetryableWriteError", "SystemOverloadedError")


class Uncommitted(PyMongoError):
    """A key is taken by a document that a majority does not have yet, and perhaps never will."""


def is_unavailable(error: BaseException | None) -> bool:
    """Whether an error says that MongoDB did not answer, is ill or denies us, or that we have no thread left
    to ask it with, rather than that we asked wrongly.

    MongoDB may have done the command nevertheless, and may still undo it.
    """
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return True
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
    return isinstance(error, OperationFailure) and _passes(error.code, error.details)


def _passes(code: int | None, details: Mapping[str, Any] | None) -> bool:
    if code != _ATLAS:
        return code in _PASSING_CODES or code in _ILL_CODES or code in _DENYING_CODES
    said = (details or {}).get("errmsg", "")
    return bool(_ATLAS_DENIES.search(said) or _ATLAS_LIMITS.search(said))


def _is_unresolved(error: ConfigurationError) -> bool:
    """Whether a mongodb+srv:// address could not be looked up. A name that does not exist is wrong for good.

    PyMongo looks the address up before a client's first command. It reports every failure of this look-up as
    one kind of error (`_resolve_uri` in its srv_resolver.py). Later look-ups are for PyMongo alone, and their
    failures change nothing:
    https://github.com/mongodb/specifications/blob/master/source/polling-srv-records-for-mongos-discovery/polling-srv-records-for-mongos-discovery.md
    """
    cause = error.__cause__ or error.__context__
    return isinstance(cause, DNSException | OSError) and not isinstance(cause, NXDOMAIN | NoAnswer)


def _is_unavailable_bulk(error: BulkWriteError) -> bool:
    """Whether several writes failed only by unavailability, and perhaps by taken keys, which callers
    judge."""
    failed = error.details.get("writeErrors", ())
    passing = [each for each in failed if _passes(each["code"], each)]
    taken = [each for each in failed if each["code"] == DUPLICATE_KEY]
    return len(passing) + len(taken) == len(failed) and bool(
        passing or error.details.get("writeConcernErrors")
    )


def only_duplicates(error: BulkWriteError) -> bool:
    """Whether several writes failed only because keys were taken, by documents that a majority has."""
    failed = [each["code"] for each in error.details.get("writeErrors", ())]
    return set(failed) == {DUPLICATE_KEY} and not error.details.get("writeConcernErrors")


def said_by(error: BaseException) -> str:
    """Return an error's text in one line. If it has a document, only the name of its first field is kept."""
    if not isinstance(error, OperationFailure):
        return str(error).partition("\n")[0]
    details = error.details or {}
    first = next(iter(details.get("writeErrors") or details.get("writeConcernErrors") or ()), details)
    said = _A_DOCUMENT.sub(r"{ \1 …", str(first.get("errmsg") or error).strip())
    return f"{first.get('code', error.code)}: {said.splitlines()[0][:200]}"


def refused_reason(error: BaseException) -> str | None:
    """Return what MongoDB said when it refused a command, in one line; None for any other error.

    MongoDB's own faults count as refusals too, because this command may cause them each time.
    """
    if not isinstance(error, OperationFailure):
        return None
    lasts = error.code in _ILL_CODES or is_denied(error) or not is_unavailable(error)
    return said_by(error) if lasts else None


@contextmanager
def denials_told() -> Iterator[None]:
    """Raise BadSettings where MongoDB refuses the user of MONGODB_URI: a wrong password, a missing right."""
    try:
        yield
    except OperationFailure as error:
        reason = refused_reason(error)
        if reason is None or not is_denied(error):
            raise
        raise BadSettings(f"MONGODB_URI: MongoDB refuses its user: {reason}") from None


def is_denied(error: BaseException) -> bool:
    """Whether MongoDB refused this user: a wrong password, a missing right."""
    if not isinstance(error, OperationFailure):
        return False
    said = str((error.details or {}).get("errmsg", ""))
    return error.code in _DENYING_CODES or (error.code == _ATLAS and bool(_ATLAS_DENIES.search(said)))
