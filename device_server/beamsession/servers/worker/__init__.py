"""The worker: what takes long and must not be lost. It keeps the record in the data folders and feeds the catalogue."""
