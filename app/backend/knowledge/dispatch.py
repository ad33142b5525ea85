"""Asks for the ingest of documents, once more where it has to begin anew."""

from app.backend.core import clock
from app.backend.core.db import Session
from app.backend.core.jobs import Job, JobName
from app.backend.core.outbox import Outbox
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.tables import DocumentRow


def rewind(row: DocumentRow) -> None:
    """Let the vectors of a document be made from the first of its passages on; one that has none is still to be cut."""
    row.chunks_done = 0
    row.status = stage_reached(row)


def stage_reached(row: DocumentRow) -> DocumentStatus:
    """Return from where on the ingest of a document goes on."""
    return DocumentStatus.CHUNKED if row.chunks_total else DocumentStatus.UPLOADED


async def dispatch(
    session: Session, row: DocumentRow, outbox: Outbox, *, is_awaited: bool = False
) -> None:
    """Ask for the ingest of a document; what a worker still does with it is fenced off."""
    job = next_job(row, is_awaited=is_awaited)
    session.add(row)
    await session.flush()
    await outbox.add(session, job)


def next_job(row: DocumentRow, *, is_awaited: bool = False) -> Job:
    """Take a document from whoever works on it, and return the job that goes on."""
    row.dispatch += 1
    row.lease_until = None
    row.updated_at = clock.now()
    return ingest_job(row, is_awaited=is_awaited)


def ingest_job(row: DocumentRow, *, is_awaited: bool) -> Job:
    """Return the job that reads a document; those of documents that somebody waits for go first."""
    return Job(
        name=JobName.DOCUMENT_INGEST if is_awaited else JobName.DOCUMENT_INGEST_LATER,
        key=f"ingest-{row.id}-{row.dispatch}",
        subject_id=str(row.id),
    )
