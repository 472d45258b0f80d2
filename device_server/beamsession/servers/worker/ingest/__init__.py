"""A completed session's way to the catalogue: what is frozen, in which steps it is sent, how doubt is cleared."""
