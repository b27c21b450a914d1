"""Money and goods: paid in, claimed, withheld or released, paid out, refunded, shipped, handed over."""
