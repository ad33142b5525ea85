"""What can go wrong with a run."""

from app.backend.core.errors import AppError, ServiceUnavailable, TooMany

# The code of a run that lost as many workers as a run may.
WORKER_LOST = "WORKER_LOST"


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


class AgentOwnerAway(AppError):
    """Whoever owns the agent is suspended, and nothing goes on in their name."""

    code = "AGENT_OWNER_AWAY"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The owner of the agent {name!r} is suspended, so nobody can run it. Ask another agent, or an administrator."
        )


class StepNotKept(AppError):
    """The step that a fork begins with was deleted, or is in the memory of another process."""

    code = "STEP_NOT_KEPT"
    status = 409

    def __init__(self, step: int) -> None:
        super().__init__(
            f"Step {step} is not kept any more. Fork at another step, or press Retry to begin anew."
        )


class StoreAway(ServiceUnavailable):
    """The store of checkpoints does not answer, and without it there is nothing to begin with or to show."""

    def __init__(self) -> None:
        super().__init__(
            "The store of checkpoints does not answer. See that it runs, then try again in a moment.",
            service="checkpoints",
            retry_after=5,
        )


class DayUsedUp(TooMany):
    """Somebody has begun as many runs today as they may."""

    code = "RUNS_OF_DAY_USED"

    def __init__(self, most: int, retry_after: int) -> None:
        super().__init__(
            f"With this there would be more than your {most:,} runs of today (UTC). Wait for tomorrow, or ask an administrator for more.",
            retry_after=retry_after,
        )
