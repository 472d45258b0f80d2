"""Channel Access: the PVs of one instrument's session manager."""
