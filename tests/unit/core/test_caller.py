import pytest

from app.backend.core.caller import address_of


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("", 0, "10.0.0.1"),
        ("192.0.2.7", 0, "10.0.0.1"),
        ("192.0.2.7", 1, "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", 1, "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7, 10.0.0.2", 2, "192.0.2.7"),
        ("", 1, "10.0.0.1"),
        ("192.0.2.7", 3, "10.0.0.1"),
        ("x" * 100, 1, "x" * 45),
    ],
)
def test_only_what_our_own_proxies_added_is_believed(
    forwarded: str, proxies: int, address: str
) -> None:
    assert address_of("10.0.0.1", forwarded, proxies) == address
