"""The queues that a worker listens to, those that people wait for first."""

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.backend.core.jobs import QueueName

# Read by one slot of a worker at a time.
INGEST = (QueueName.INGEST, QueueName.INGEST_LATER)
# Mail last: a mail server may take long over each letter.
ORDER = (
    QueueName.RUNS,
    *INGEST,
    QueueName.MAINTENANCE,
    QueueName.MAIL,
)


def open_queues(redis: Redis, *, has_ingest: bool) -> list[Queue]:
    """Return the queues in the order in which jobs are taken from them."""
    return [
        Queue(name, connection=redis, serializer=JSONSerializer)
        for name in ORDER
        if has_ingest or name not in INGEST
    ]
