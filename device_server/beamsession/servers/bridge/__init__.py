"""The bridge: a Channel Access server that is a Tango client of the session manager."""
