import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from app.backend.identity import passwords


async def test_right_password_is_right() -> None:
    known = await passwords.hash_password("correct horse battery")

    assert known.startswith("$argon2id$")
    assert await passwords.verify_password("correct horse battery", known) == (True, "")


@pytest.mark.parametrize("known", [None, "", "not a hash"])
async def test_account_without_a_hash_lets_nobody_in(known: str | None) -> None:
    is_right, better = await passwords.verify_password(
        "nobody has this password", known
    )

    assert not is_right
    assert better == "" or known is None


async def test_wrong_password_is_wrong() -> None:
    known = await passwords.hash_password("correct horse battery")

    assert (await passwords.verify_password("wrong horse battery", known))[0] is False


async def test_hash_of_weaker_settings_is_replaced() -> None:
    weak = "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
    hasher = passwords.Argon2Hasher(memory_cost=8192, time_cost=1, parallelism=1)
    known = hasher.hash("correct horse battery")

    is_right, better = await passwords.verify_password("correct horse battery", known)

    assert known.startswith(weak[:28])
    assert is_right
    assert better.startswith("$argon2id$v=19$m=19456,t=2,p=1")


async def test_unknown_user_costs_as_much_as_a_known_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[str] = []
    verify = Argon2Hasher.verify

    def count(self: Argon2Hasher, password: str, known: str) -> bool:
        # Algorithm, version, memory, rounds and lanes are what the time depends on.
        checked.append(known[: known.rindex("$", 0, known.rindex("$"))])
        return verify(self, password, known)

    known = await passwords.hash_password("correct horse battery")
    await passwords.verify_password("the decoy is made at first use", None)
    monkeypatch.setattr(Argon2Hasher, "verify", count)

    for asked in (known, None, ""):
        await passwords.verify_password("wrong horse battery", asked)

    assert len(checked) == 3
    assert len(set(checked)) == 1
