"""Detectors to frames to files: sources, ring, writer, NeXus and completeness. Knows no store and no Tango server."""
