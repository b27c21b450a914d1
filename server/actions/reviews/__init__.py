"""What others may see: submitted to review, decided, reported."""
