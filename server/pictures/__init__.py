"""Pictures: decoded, drawn, and the processes that do so."""
