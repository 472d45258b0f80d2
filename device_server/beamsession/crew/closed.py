"""No worker of an instrument works or begins, on any host, while its store is made anew."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from beamsession.crew.job_server import connect, is_shared, prepare
from beamsession.crew.lease import Lease
from beamsession.crew.roster import Roster, muster_lock, only_lock
from beamsession.model.errors import RefusedError

_LEASE_S = 15.0
_PATIENCE_S = 5.0


@contextmanager
def closed(jobs_url: str, store_url: str, instrument: str) -> Generator[Roster | None]:
    """What the workers share, None where they share no job database and there can be but one.

    Raises RefusedError WORKER_RUNNING and UnavailableError.
    """
    if is_shared(jobs_url):
        with _locked(jobs_url, *muster_lock(instrument)):
            engine = connect(jobs_url, answer_s=_LEASE_S / 2)
            try:
                prepare(engine)
                roster = Roster(engine, instrument)
                if living := roster.living():
                    raise _running(f"'{min(living)}', {roster.holder(min(living))}", instrument)
                yield roster
            finally:
                engine.dispose()
    elif is_shared(store_url):
        with _locked(store_url, *only_lock(instrument)):
            yield None
    else:
        yield None


@contextmanager
def _locked(url: str, *names: str) -> Generator[None]:
    lease = Lease(url, _LEASE_S)
    try:
        if not lease.take_within(_PATIENCE_S, *names):
            raise _running("perhaps on another host", names[0])
        lease.keep(lambda: None)
        yield
    finally:
        lease.close()


def _running(who: str, instrument: str) -> RefusedError:
    return RefusedError(
        f"A worker of {instrument} runs: {who}.",
        code="WORKER_RUNNING",
        value=instrument,
        remedy="Stop everything of the beamline first, on all hosts.",
    )
