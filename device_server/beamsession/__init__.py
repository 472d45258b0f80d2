"""The session manager of a beamline: sessions, runs, NeXus files and the catalogue behind one Tango device."""

from importlib.metadata import version

__version__ = version("beamsession")
