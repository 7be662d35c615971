"""Encrypts secrets at rest with the keys of RELAY_SECRET_KEY (Fernet; the first key encrypts)."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from integration.errors import UsageError

NO_KEY = (
    "settings: RELAY_SECRET_KEY is missing; it encrypts the secrets in the database. "
    "Run `vario-relay init` once, or set the key that was used before."
)


def new_key() -> str:
    """A fresh key for RELAY_SECRET_KEY."""
    return Fernet.generate_key().decode()


class Vault:
    """Encrypts and decrypts texts.

    Raises: UsageError for a missing or malformed key, and for a secret that no key opens.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        if not keys:
            raise UsageError(NO_KEY)
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise UsageError(
                "settings: RELAY_SECRET_KEY is not a key; `vario-relay init` writes a right one"
            ) from error

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise UsageError(
                "a stored secret cannot be opened with RELAY_SECRET_KEY; "
                "put the key it was written with behind the new one, separated by a comma"
            ) from error

    def reseal(self, sealed: str) -> str:
        """The same secret under the first key, for `vario-relay secrets rotate`."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken as error:
            raise UsageError("a stored secret cannot be opened with RELAY_SECRET_KEY") from error
