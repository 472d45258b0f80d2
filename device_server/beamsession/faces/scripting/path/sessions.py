"""For scripts that begin with `from sessions import *`."""

from beamsession.sessions import *  # noqa: F403
