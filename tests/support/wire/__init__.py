"""What stands between PyMongo and MongoDB in tests and benches: a check of commands, and a faulty wire."""
