"""The edges: HTTP interfaces and the websockets. They read stores and call actions, and never write."""
