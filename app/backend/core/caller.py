"""Where what is done here comes from: the network address of the browser or program that asked."""

from contextvars import ContextVar

LENGTH_MAX = 45  # of an IPv6 address in text

_address: ContextVar[str] = ContextVar("_address", default="")


def begin(address: str) -> None:
    """Let what follows in this task come from `address`."""
    _address.set(address)


def current() -> str:
    """Return the address; empty for what a job or the command line does."""
    return _address.get()


def address_of(peer: str, forwarded: str, proxies: int) -> str:
    """Return who asked, from the address that connected and the header `X-Forwarded-For`.

    Each proxy adds the address that connected to it at the end of the header. Only what our own `proxies` added
    is believed: before it stands what the client likes to say. A shorter header did not pass all of them.
    """
    told = [part.strip() for part in forwarded.split(",") if part.strip()]
    is_told = 0 < proxies <= len(told)
    return (told[-proxies] if is_told else peer)[:LENGTH_MAX]
