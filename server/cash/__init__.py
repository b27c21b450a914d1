"""Cash: red packets from the payment to the payout. Read it only for red packets; goods need none of it."""
