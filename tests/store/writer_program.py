"""Writes to the store until its count is reached or it is killed; prints `seq hash` after each commit.

Arguments: the store's address, an instrument of its own, how many changes.
"""

from __future__ import annotations

import sys

from beamsession.store import Store
from store_samples import CALLER, new_session


def main(url: str, instrument: str, count: int) -> None:
    store = Store.open(url, patience=60)
    session = store.open_session(instrument)
    for _ in range(count):
        with store.transaction(CALLER, instrument) as transaction:
            if session is None:
                session = new_session(transaction)
            else:
                session = transaction.change_session(session, title=f"change {session.version}")
            event = transaction.event("changed", session_id=session.id, version=session.version)
        print(event.seq, event.hash, session.version, flush=True)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
