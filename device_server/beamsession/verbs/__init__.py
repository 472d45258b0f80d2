"""What every face can ask for: one file per noun, each verb declared once."""

from beamsession.verbs import alarm, comment, event, file, ingest, metadata, run, session
from beamsession.verbs.registry import REGISTRY

__all__ = ["REGISTRY", "alarm", "comment", "event", "file", "ingest", "metadata", "run", "session"]
