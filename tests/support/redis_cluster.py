"""A Redis that is a cluster, of one member."""

from server.running.stores import EmbeddedRedis, free_port


class RedisCluster(EmbeddedRedis):
    def command(self) -> list[str]:
        # By default its second port is 10,000 above the first, where an outgoing connection may be.
        return [*super().command(), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]
