"""What the commands about the store have to say, for a person or as JSON."""

from __future__ import annotations

import json

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from beamsession.faces.cli.store_rebuilding import Rebuild
from beamsession.store import ChainReport
from beamsession.store.chain import ranges_text


def show_rebuild(plan: Rebuild, *, as_json: bool) -> None:
    """What the data folders tell of each instrument, and what was wrong with them."""
    rows = [
        {
            "instrument": record.instrument,
            "sessions": len(record.sessions),
            "runs": sum(len(session.runs) for session in record.sessions),
            "files": sum(len(session.files) for session in record.sessions),
            "events": len(record.events),
            "last_session_id": record.last_session_id,
        }
        for record in plan.records
    ]
    complaints = [complaint for record in plan.records for complaint in record.complaints]
    if as_json:
        print(json.dumps({"instruments": rows, "lost_events": plan.lost, "complaints": complaints}, ensure_ascii=False))
        return
    console = Console()
    table = Table(*rows[0], box=None, header_style="bold")
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)
    for complaint in complaints:
        console.print(f"[yellow]![/yellow] {escape(complaint)}.", highlight=False, soft_wrap=True)
    if plan.lost:
        console.print(f"[yellow]![/yellow] lost for good: events {ranges_text(plan.lost)}.", highlight=False)


def show_verified(report: ChainReport, *, as_json: bool) -> None:
    """Whether the chain of events is whole."""
    if as_json:
        print(json.dumps({**vars(report), "is_intact": report.is_intact}))
    elif report.first_bad is not None:
        print(f"Event {report.first_bad} is not as it was written: {report.reason}. {report.checked} before are good.")
    elif report.holes:
        print(
            f"{report.checked} events are as they were written; {ranges_text(report.holes)} were lost before a rebuild."
        )
    else:
        print(f"{report.checked} events, each as it was written, none missing.")
