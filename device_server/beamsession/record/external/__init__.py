"""Detectors whose frames this recorder does not write: a camera's own file plugin, and what is only armed."""
