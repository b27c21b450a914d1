"""The edges: HTTP interfaces and the websockets. They read stores, call actions and write to no store."""
