"""What `/metrics` shows of a process (`server/operation/scrape.py` gathers all processes).

No label holds a code, an id or anything else about a person.
"""

import functools
import platform
import time

from prometheus_client import Counter, Gauge, Histogram, Info, disable_created_metrics

from server import __version__

# The times at which counters were made would double the series, and nothing reads them.
disable_created_metrics()  # type: ignore[no-untyped-call]

FRAME_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5)
STORE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)

REQUESTS = Histogram(
    "wabao_request_seconds",
    "Seconds from a request's arrival to its reply, by interface and HTTP status",
    ["interface", "http_status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
REFUSALS = Counter("wabao_refusals", "Refused requests, by error code", ["error"])
DIGS = Counter("wabao_digs", "Digs by outcome: dug, won, repeated, or why refused", ["outcome"])
RANDOM_ORDERS = Histogram(
    "wabao_random_orders",
    "People in a random order after a cooldown or an opening, in one process",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
)
JOINS = Counter("wabao_joins", "Digs that made a person a participant of a task")
LOGINS = Counter("wabao_logins", "Logins that succeeded")
UPLOADS = Counter("wabao_uploads", "Pictures stored")
TASKS = Counter("wabao_tasks_published", "Tasks published, by kind", ["kind"])
DELIVERIES = Counter("wabao_deliveries", "Frames of the realtime channel handed to a watcher's socket")
DIG_TO_FRAME = Histogram(
    "wabao_dig_to_frame_seconds",
    "Seconds from a dig's record to its frames being handed to this process's watchers",
    buckets=FRAME_BUCKETS,
)
MESSAGES = Counter(
    "wabao_messages",
    "Messages to people who left, by kind and by what became of each try",
    ["kind", "outcome"],
)
WORKERS_ENDED = Counter("wabao_workers_ended", "Workers that ended, by how, and were replaced", ["how"])
WORKERS_LOST = Gauge("wabao_workers_lost", "Workers of this server that ended unasked within ten minutes")
GAPS = Counter("wabao_redis_gaps", "Subscriptions acknowledged anew, each of which may have missed something")
FORGED = Counter(
    "wabao_redis_forged", "Messages in Redis that no process of ours sent lately, and that were dropped"
)
UNKNOWN = Counter("wabao_redis_unknown", "Messages in Redis of another version, which this process left out")
POLLED_GAPS = Counter("wabao_polled_gaps", "Watched tasks of which a poll found digs that no news told of")
RESYNCS = Counter("wabao_resyncs", "Gaps too large to replay, answered by a snapshot")
CLOCK_STEPS = Counter("wabao_clock_steps", "Steps of MongoDB's clock by more than 5 s that this process saw")
UNREAD = Counter("wabao_heartbeats_unread", "Heartbeats that this process could not read, and left out")
CLOSES = Counter("wabao_websocket_closes", "Websockets that ended, by close code", ["close_code"])
CONNECTIONS = Gauge("wabao_websockets", "Open websockets")
TURNED_AWAY = Counter(
    "wabao_turned_away",
    "Connections and requests turned away, or closed for others, by reason",
    ["why"],
)
LIMITED = Counter("wabao_limited", "Requests refused because a limit was reached, by kind", ["kind"])
FAILED_WORK = Counter(
    "wabao_failed_work",
    "Failures of work that no request waits for, without those of a silent store",
    ["work"],
)
OUTPUT_DROPPED = Counter(
    "wabao_output_dropped",
    "Lines of the log and of standard output that were dropped, since nobody read them in time",
    ["stream"],
)
STORE_SECONDS = Histogram(
    "wabao_store_seconds",
    "Seconds an operation on MongoDB took, by command and outcome: ok or failed",
    ["command", "outcome"],
    buckets=STORE_BUCKETS,
)
REDIS_SECONDS = Histogram(
    "wabao_redis_seconds",
    "Seconds that Redis took to answer, or not to answer, by outcome: ok or failed",
    ["outcome"],
    buckets=STORE_BUCKETS,
)
WECHAT_SECONDS = Histogram(
    "wabao_wechat_seconds",
    "Seconds a call to WeChat took, by call and outcome: ok, refused (by WeChat, with a reason) or failed",
    ["call", "outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
)
STORE_SILENT = Gauge("wabao_store_silent", "1 while a store does not answer, else 0", ["store"])
DISK_FREE = Gauge("wabao_disk_free_bytes", "Room that is left where DATA_DIR is")
DISK_LOW = Gauge("wabao_disk_low", "1 if less than DISK_FREE_MB is left where DATA_DIR is, else 0")
LOOP_LAG = Histogram(
    "wabao_loop_lag_seconds",
    "Seconds that the event loop is late, measured ten times a second",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
_BEGAN = time.monotonic()
PROCESS_AGE = Gauge("wabao_process_age_seconds", "Seconds since this process began")
PROCESS_AGE.set_function(lambda: time.monotonic() - _BEGAN)
Info("wabao_build", "What runs").info({"version": __version__, "python": platform.python_version()})

# `labels()` takes a lock and makes texts of its arguments. What is counted at each request is looked up here.
request_seconds = functools.cache(REQUESTS.labels)
refusals = functools.cache(REFUSALS.labels)
digs = functools.cache(DIGS.labels)
store_seconds = functools.cache(STORE_SECONDS.labels)
wechat_seconds = functools.cache(WECHAT_SECONDS.labels)
redis_seconds = functools.cache(REDIS_SECONDS.labels)
