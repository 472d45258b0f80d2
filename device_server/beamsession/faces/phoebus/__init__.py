"""Phoebus: operator screens, alarm tree and save-and-restore set of one instrument, made from the layout of its PVs."""
