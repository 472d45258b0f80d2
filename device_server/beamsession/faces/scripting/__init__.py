"""Sessions from Python scripts: plain functions that ask the instrument's manager over Tango."""
