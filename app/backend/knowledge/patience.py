"""How long jobs wait for the parts that they need."""

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential,
)

from app.backend.core.errors import ServiceUnavailable


def patiently(seconds: float) -> AsyncRetrying:
    """Try again for a while: the runtime or Chroma may just be starting again."""
    return AsyncRetrying(
        retry=retry_if_exception_type(ServiceUnavailable),
        stop=stop_after_delay(seconds),
        wait=wait_exponential(multiplier=0.2, max=4),
        reraise=True,
    )
