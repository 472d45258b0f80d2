"""Detectors that post tables: each update is a block of rows, which one process receives and writes."""
