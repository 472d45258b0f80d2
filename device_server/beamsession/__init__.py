"""The session manager of a beamline: sessions, runs, NeXus files and the catalogue behind one Tango device."""

__version__ = "0.1.0"
