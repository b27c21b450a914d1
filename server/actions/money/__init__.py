"""Money and goods: paid in, claimed, frozen or released, paid out, refunded, shipped, handed over."""
