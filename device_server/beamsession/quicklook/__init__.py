"""Pictures and numbers of a run, made of its files: arrays and paths in, values and PNG images out."""
