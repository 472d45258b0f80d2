"""What pyepics raises where a channel disconnects in the middle of something; its exceptions have no base of their own.

Source: epics.ca; a get that is under way when the circuit breaks ends with ChannelAccessGetFailure.
"""

from __future__ import annotations

from epics import ca

CA_FAULTS = (ca.ChannelAccessException, ca.ChannelAccessGetFailure, ca.CASeverityException)
