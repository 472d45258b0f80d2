"""The SessionManager server: one queue of verbs, one projector and one liaison to the recorder per instrument."""
