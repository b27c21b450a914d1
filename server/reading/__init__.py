"""What a crowd reads at once: people, visits and the square, asked of the store together."""
