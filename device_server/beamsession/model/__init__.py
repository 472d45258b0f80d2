"""The nouns and rules of the house: states, values, permissions, verb declarations and ports. Pure Python, no I/O."""
