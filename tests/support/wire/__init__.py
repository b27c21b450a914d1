"""Proxies between PyMongo and MongoDB for tests and benches: a strict wire, and a faulty wire."""
