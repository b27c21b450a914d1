"""The game: the draw, a dig, amounts, and what must hold. Pure: it knows no loop and no store."""
