"""How a run is stopped, in every state, with all that it started."""

from app.backend.core.db import Session
from app.backend.runs.ending import hold_run, stop_held
from app.backend.runs.parts import EndParts
from app.backend.runs.tables import RunRow


async def stop_row(session: Session, row: RunRow, parts: EndParts) -> RunRow:
    """Stop a run: at once when no worker has it, otherwise its worker ends it within a second.

    A run that has ended stays as it is.
    """
    row = await hold_run(session, row) or row
    await stop_held(session, row, parts)
    return row
