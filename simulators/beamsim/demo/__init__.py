"""The main job shown to a new user: a session with three runs on the simulated beamline, through a Tango client."""
