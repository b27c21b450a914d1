"""What processes are made of: children, work in the background, limits of time, single-flight, the disk."""
