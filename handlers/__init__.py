"""The edges: HTTP interfaces and the websocket. They read stores and call actions, and never write."""
