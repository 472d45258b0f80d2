"""Several recorders as one: `RecorderTeam`. It knows reports and plans, not how a recorder is reached."""

from beamsession.team.recorder_team import GRACE_S, RecorderTeam

__all__ = ["GRACE_S", "RecorderTeam"]
