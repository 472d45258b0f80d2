"""The store: our own database of sessions, runs and the chained log of events."""

from beamsession.store.chain import ChainReport
from beamsession.store.reads import Reads
from beamsession.store.replies import Reply
from beamsession.store.store import Store
from beamsession.store.transaction import Transaction

__all__ = ["ChainReport", "Reads", "Reply", "Store", "Transaction"]
