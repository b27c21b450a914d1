"""A Redis Cluster of one member."""

from server.running.stores import EmbeddedRedis, free_port


class RedisCluster(EmbeddedRedis):
    def command(self) -> list[str]:
        # By default, the cluster's port is 10,000 above Redis's. An outgoing connection may already use it.
        return [*super().command(), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]
