"""A simulated beamline for trying and testing: detectors, motors, readings and a catalogue, all on loopback."""
