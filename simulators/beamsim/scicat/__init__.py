"""A stand-in for the SciCat data catalogue: its interface, its quirks, and faults on demand."""

from .faults import Fault, FaultKind
from .server import Catalogue, running_catalogue
from .site import Account, Profile, Site, demo_site

__all__ = ["Account", "Catalogue", "Fault", "FaultKind", "Profile", "Site", "demo_site", "running_catalogue"]
