"""What operators look at: the board, alarms, and whether the stores answer."""
