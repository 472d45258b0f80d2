"""Lines for Phoebus' settings.ini."""

from __future__ import annotations

from beamsession.faces.phoebus.main_screen import MAIN
from beamsession.faces.phoebus.site import Site

_UNKNOWN = "# org.phoebus.pv.ca/addr_list=HOST:PORT of the bridge ([epics] in the beamline's configuration)"


def settings(site: Site) -> str:
    """What a Phoebus needs to find the PVs of this beamline and to open its screens."""
    address = f"org.phoebus.pv.ca/addr_list={site.address}" if site.address else _UNKNOWN
    macros = f"<P>{site.prefix}</P><R>{site.record_prefix}</R>"
    return "\n".join(
        [
            f"# Sessions of {site.instrument}. A list can have the site's own entries too.",
            "",
            "# Where the PVs are",
            address,
            "org.phoebus.pv.ca/auto_addr_list=false",
            "",
            "# What displays of the site's own that show PVs of the session need; beamsession.bob brings its own",
            f"org.csstudio.display.builder.model/macros={macros}",
            "",
            "# The screens in the menu",
            f"org.phoebus.ui/top_resources={site.display(MAIN)},Session",
            "",
            "# The alarm tree, once alarms.xml is imported",
            f"org.phoebus.applications.alarm/config_names={site.instrument}",
            "",
        ]
    )
