"""The game: the draw, a dig, amounts, and what must hold. Pure: no loop, no store."""
