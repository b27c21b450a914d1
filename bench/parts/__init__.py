"""What the commands of `bench/` share: servers to measure, crowds, senders and attackers, tables."""
