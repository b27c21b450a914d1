"""What can happen to an order, a bill and a refund, and the limits of a day. Pure."""
