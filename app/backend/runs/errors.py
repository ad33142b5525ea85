"""What can go wrong with a run."""

from app.backend.core.errors import AppError, ServiceUnavailable


class LeaseLost(Exception):
    """Another worker, or the sweeper, took the run over: this worker must not write any more."""


class LogOverflow(AppError):
    """The run makes events faster than the database takes them."""

    code = "LOG_OVERFLOW"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The database did not take the run's events in time. Check it with `atelier doctor`, then press Retry."
        )


class RemoteFailed(ServiceUnavailable):
    """The other side of a remote agent did not answer as it should."""

    def __init__(self, message: str) -> None:
        super().__init__(message, service="remote runtime")


class RemoteRefused(AppError):
    """The other side of a remote agent answered that it will not run it."""

    code = "REMOTE_REFUSED"
    status = 502


class AgentUnavailable(AppError):
    """The agent of a queued run is gone."""

    code = "AGENT_DELETED"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The agent {name!r} was deleted before this run began. Start the question with another agent."
        )
