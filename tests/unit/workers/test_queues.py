from redis import Redis

from app.workers.queues import open_queues


def test_lone_worker_takes_all_and_runs_first() -> None:
    queues = open_queues(Redis(), has_ingest=True)

    names = [queue.name for queue in queues]
    assert names == ["runs", "ingest", "ingest_later", "maintenance", "mail"]


def test_worker_that_reads_nothing_takes_the_rest() -> None:
    queues = open_queues(Redis(), has_ingest=False)

    assert [queue.name for queue in queues] == ["runs", "maintenance", "mail"]
