"""Tango: the devices and the client of the recorder."""
