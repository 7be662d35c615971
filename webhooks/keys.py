"""The app's public keys, from RELAY_APP_JWK or from a file that it names.

A file is what lets keys change without a restart: it is looked at again while tokens come in.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm

from integration.errors import UsageError

log = logging.getLogger("webhooks")

#: (kid, public key), in the order of the set.
Keys = tuple[tuple[str | None, Any], ...]

FILE_MARK = "@"
#: Between two looks at the file; a token with an id that we do not know asks for one at once.
LOOK_S = 1.0
_BAD_JWK = "is not a JSON Web Key (set) with an EC P-256 public key"


class AppKeys:
    """The keys of one setting: JSON text, ``@path`` of a file with it, or nothing.

    Raises: UsageError for a text or a file without a usable key, at start. Later a file that
    cannot be read leaves the keys as they are, and a warning.
    """

    def __init__(self, app_jwk: str, clock: Callable[[], float]) -> None:
        text = app_jwk.strip()
        self._clock, self._looked_at = clock, clock()
        self._path = Path(text.removeprefix(FILE_MARK)) if text.startswith(FILE_MARK) else None
        self._seen: object = None
        if self._path is None:
            self._keys = _keys_in(text, "RELAY_APP_JWK") if text else ()
        else:
            self._keys, self._seen = self._read(self._path)

    def current(self, *, at_once: bool = False) -> Keys:
        """The keys as they are now. The same object until they change."""
        now = self._clock()
        if self._path is None or not (at_once or now - self._looked_at >= LOOK_S):
            return self._keys
        self._looked_at = now
        try:
            seen = _version(self._path)
            if seen == self._seen:
                return self._keys
            self._seen = seen
            self._keys, self._seen = self._read(self._path)
            log.info("event=app-keys.changed file=%s keys=%d", self._path, len(self._keys))
        except (OSError, UsageError) as error:
            log.warning("event=app-keys.unreadable file=%s error=%s", self._path, error)
        return self._keys

    def _read(self, path: Path) -> tuple[Keys, object]:
        """The keys with the version of the file before it was read, so that no change is missed."""
        try:
            seen = _version(path)
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"settings: RELAY_APP_JWK names {path}, which cannot be read: "
                f"{getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
            ) from error
        return _keys_in(text, f"RELAY_APP_JWK: {path}"), seen


def _version(path: Path) -> object:
    """What changes with the file's content; a rename over it has another inode."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _keys_in(text: str, name: str) -> Keys:
    """(kid, public key) of every EC P-256 key in a JWK or a set of them."""
    try:
        jwks = json.loads(text)
        members = jwks.get("keys", [jwks])
        # Only the public half is taken over, whatever else was pasted into the setting.
        keys = tuple(
            (one.get("kid"), ECAlgorithm.from_jwk({n: one[n] for n in ("kty", "crv", "x", "y")}))
            for one in members
            if one.get("kty") == "EC" and one.get("crv") == "P-256"
        )
    except (ValueError, TypeError, KeyError, AttributeError, jwt.PyJWTError) as error:
        raise UsageError(f"settings: {name} {_BAD_JWK}") from error
    if not keys:
        raise UsageError(f"settings: {name} {_BAD_JWK}")
    return keys
