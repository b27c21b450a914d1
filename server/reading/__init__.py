"""What a crowd asks at once, put to the store together: people, visits, the square, ids of digs."""
