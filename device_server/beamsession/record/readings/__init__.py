"""Scalar PVs during a run, in a process of their own: the table of readings, and the constants at start and end."""
