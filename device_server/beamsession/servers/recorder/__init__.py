"""The RunRecorder server."""
