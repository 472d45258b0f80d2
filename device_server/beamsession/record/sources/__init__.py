"""Where frames come from: one module for each protocol."""
