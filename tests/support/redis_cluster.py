"""A Redis that is a cluster, of one member."""

from __future__ import annotations

from server.running.stores import EmbeddedRedis, free_port


class RedisCluster(EmbeddedRedis):
    def command(self) -> list[str]:
        # Its own choice of a second port, 10,000 above the first, may be an outgoing connection's.
        return [*super().command(), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]
