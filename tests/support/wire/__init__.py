"""What stands between PyMongo and MongoDB in tests and benches: a wire that is strict, and one that fails."""
