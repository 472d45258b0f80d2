"""The end of a run's master: verdict, end time and the result of the NeXus check go in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from beamsession.model.errors import BeamsessionError
from beamsession.model.plan import RunPlan
from beamsession.model.report import RunReport
from beamsession.model.sentences import joined
from beamsession.model.states import RunState
from beamsession.record.deadline import DiskHand, sentence_of
from beamsession.record.journal import UnclosedMaster
from beamsession.record.masters import Masters
from beamsession.record.readings.reading import Reading

_log = logging.getLogger(__name__)


def close_master(
    report: RunReport,
    plan: RunPlan,
    masters: Masters,
    disk: DiskHand,
    *,
    constants_start: Mapping[str, Reading] | None,
    constants_end: Mapping[str, Reading] | None,
    keep: Callable[[UnclosedMaster], None],
) -> RunReport:
    """The last report, after the master has the verdict and was checked; a master that fails is told in it.

    One that fails is also handed to `keep`, with that report, to be closed later.
    """
    try:
        disk.do(f"stat {plan.master}", plan.master.exists)
        complaints = masters.close(plan, report, constants_start=constants_start, constants_end=constants_end)
    except Exception as fault:
        _log.exception("run %s: the master could not be closed", plan.key)
        sentence = f"The master could not be closed: {sentence_of(fault)}"
        told = report.model_copy(
            update={
                "state": RunState.INCOMPLETE if report.state is RunState.COMPLETED else report.state,
                "reason": joined(report.reason, sentence),
                "check": (sentence,),
            }
        )
        keep(
            UnclosedMaster(
                plan=plan,
                report=told,
                constants_start=None if constants_start is None else dict(constants_start),
                constants_end=None if constants_end is None else dict(constants_end),
                why=fault.sentence if isinstance(fault, BeamsessionError) else sentence_of(fault),
            )
        )
        return told
    return report.model_copy(update={"check": complaints})
