"""One package per way in: each translates, calls a verb, and translates back."""
