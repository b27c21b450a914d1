"""Every change of state, a verb each: decide, save, publish. Nobody else writes to a store or publishes."""
