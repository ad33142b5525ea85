"""Background jobs by name: rows in the outbox first, then entries in an RQ queue."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class QueueName(StrEnum):
    """Queues of the workers."""

    RUNS = "runs"
    INGEST = "ingest"
    INGEST_LATER = "ingest_later"
    MAINTENANCE = "maintenance"
    MAIL = "mail"


class JobName(StrEnum):
    """What a worker can be asked to do; `app.workers.jobs` has one function for each."""

    RUN_EXECUTE = "runs.execute"
    DOCUMENT_INGEST = "knowledge.ingest"
    DOCUMENT_INGEST_LATER = "knowledge.ingest_later"
    MANUAL_UPLOAD = "agents.manual"
    DOCUMENT_PURGE = "knowledge.purge"
    MAIL_SEND = "identity.mail"


QUEUES: dict[JobName, QueueName] = {
    JobName.RUN_EXECUTE: QueueName.RUNS,
    JobName.DOCUMENT_INGEST: QueueName.INGEST,
    JobName.DOCUMENT_INGEST_LATER: QueueName.INGEST_LATER,
    JobName.MANUAL_UPLOAD: QueueName.INGEST_LATER,
    JobName.DOCUMENT_PURGE: QueueName.MAINTENANCE,
    JobName.MAIL_SEND: QueueName.MAIL,
}
FUNCTIONS: dict[JobName, str] = {
    JobName.RUN_EXECUTE: "app.workers.jobs.execute_run",
    JobName.DOCUMENT_INGEST: "app.workers.jobs.ingest_document",
    JobName.DOCUMENT_INGEST_LATER: "app.workers.jobs.ingest_document",
    JobName.MANUAL_UPLOAD: "app.workers.jobs.upload_manual",
    JobName.DOCUMENT_PURGE: "app.workers.jobs.purge_document",
    JobName.MAIL_SEND: "app.workers.jobs.send_mail",
}


class Job(BaseModel):
    """One job: `key` makes its RQ id (RQ refuses a used one), `subject_id` is the only argument."""

    model_config = ConfigDict(frozen=True)

    name: JobName
    key: str
    subject_id: str
