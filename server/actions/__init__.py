"""Every change of state, one verb per file: decide, save, publish. Only actions write to a store."""
