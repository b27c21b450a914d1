"""A Redis Cluster: three masters and their replicas, or one member that serves some slots."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from server.running.stores import EmbeddedRedis, free_port

SLOTS = 16384
MASTERS = 3
NODE_TIMEOUT_MS = 1500
READY_SECONDS = 20.0


class Member(EmbeddedRedis):
    """One server with cluster mode."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.bus_port = free_port()

    def command(self) -> list[str]:
        # By default, the cluster's port is 10,000 above Redis's. An outgoing connection may already use it.
        return [
            *super().command(),
            *("--cluster-enabled", "yes", "--cluster-port", str(self.bus_port)),
            *("--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--repl-diskless-sync-delay", "0"),
            *("--cluster-replica-validity-factor", "0", "--repl-ping-replica-period", "1"),
        ]

    def ask(self, *command: str | int) -> Any:
        """Return what this member answers."""
        with Redis(port=self.port, socket_timeout=5, decode_responses=True, protocol=2) as client:
            return client.execute_command(*command)

    @property
    def myself(self) -> str:
        return str(self.ask("CLUSTER", "MYID"))

    @property
    def cluster_uri(self) -> str:
        """What REDIS_URL names this member's cluster by."""
        return self.uri.replace("redis://", "redis+cluster://")


class RedisCluster:
    """Three masters, each with a replica."""

    def __init__(self, directory: Path) -> None:
        self.members = [Member(directory / str(number)) for number in range(2 * MASTERS)]

    @property
    def uri(self) -> str:
        return self.members[-1].cluster_uri

    def start(self) -> None:
        for member in self.members:
            member.directory.mkdir(parents=True)
            member.launch()
        for member in self.members:
            member.wait_until_ready()
        first, *others = self.members
        for number, each in enumerate(self.members):
            each.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for each in others:
            first.ask("CLUSTER", "MEET", "127.0.0.1", each.port, each.bus_port)
        for number, each in enumerate(self.members[:MASTERS]):
            first_slot = SLOTS * number // MASTERS
            last_slot = SLOTS * (number + 1) // MASTERS - 1
            each.ask("CLUSTER", "ADDSLOTSRANGE", first_slot, last_slot)
        self.wait(lambda: all(each.ask("CLUSTER", "NODES").count("\n") == 6 for each in self.members))
        for master, replica in zip(self.members[:MASTERS], self.members[MASTERS:], strict=True):
            replica.ask("CLUSTER", "REPLICATE", master.myself)
        self.wait(lambda: all(self._whole(each) for each in self.members))

    def _whole(self, each: Member) -> bool:
        info = each.ask("INFO", "replication")
        replicates = info["role"] == "master" or info.get("master_link_status") == "up"
        served = [row for row in each.ask("CLUSTER", "SLOTS") if len(row) == 4]
        return replicates and len(served) == MASTERS and "state:ok" in each.ask("CLUSTER", "INFO")

    def wait(self, holds: Callable[[], bool]) -> None:
        """Return once this holds; an answer that is an error is not yet one."""
        ends = time.monotonic() + READY_SECONDS
        while not _held(holds):
            if time.monotonic() > ends:
                raise TimeoutError("the cluster is not whole")
            time.sleep(0.05)

    def master_of(self, name: str) -> Member:
        """Return the member that serves the slot of `{name}`."""
        slot = key_slot(name.encode())
        for member in self.members:
            if member.alive():
                for row in member.ask("CLUSTER", "SLOTS"):
                    if row[0] <= slot <= row[1]:
                        for each in self.members:
                            if each.alive() and each.myself == row[2][2]:
                                return each
        raise LookupError(name)

    def named_directly(self, member: Member) -> bool:
        """Whether this member still names another by the port at which that one listens."""
        ports = {each.port for each in self.members}
        return any(at[1] in ports for row in member.ask("CLUSTER", "SLOTS") for at in row[2:])

    def fail_over(self, name: str) -> None:
        """Kill the master of `{name}`, and start it again as a replica of its successor."""
        master = self.master_of(name)
        master.kill()
        self.wait(lambda: self.master_of(name) is not master)
        master.launch()
        master.wait_until_ready()
        self.wait(lambda: all(self._whole(each) for each in self.members))

    def move(self, name: str, to: Member) -> None:
        """Move the slot of `{name}`, with its keys, to another master."""
        slot = key_slot(name.encode())
        source = self.master_of(name)
        to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.myself)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.myself)
        with Redis(port=source.port, socket_timeout=5) as client:
            while keys := client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
                client.execute_command("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *keys)
        for each in (to, source, *self.members[:MASTERS]):
            if each.alive():
                each.ask("CLUSTER", "SETSLOT", slot, "NODE", to.myself)

    def kill(self) -> None:
        for member in self.members:
            member.kill()


def _held(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except (RedisError, LookupError):
        return False
