"""Only for PYTHONPATH: beside this file lies the module that scripts import as `sessions`, and nothing else."""

from pathlib import Path

FOLDER = Path(__file__).parent
