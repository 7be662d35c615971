"""The only reader of the environment: frozen settings, checked together, units in the names."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from marshmallow import RAISE, Schema, ValidationError, post_load, validate, validates_schema
from marshmallow import fields as m

from integration.errors import UsageError

PREFIX = "RELAY_"
#: Names used by our tests and tools; not settings of the service.
FOREIGN_PREFIXES = ("RELAY_TEST_",)
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """Everything an operator can set. One instance per process."""

    database_url: str
    broker_url: str
    secret_keys: tuple[str, ...] = field(repr=False)
    host: str
    port: int
    public_url: str
    app_identifier: str
    client_id: str
    client_secret: str = field(repr=False)
    app_jwk: str
    erp_domains: tuple[str, ...]
    erp_url: str
    erp_token_url: str
    erp_budget: tuple[int, float]
    coalesce_s: float
    lease_s: float
    stage_soft_s: float
    stage_hard_s: float
    sweep_s: float
    brake_wait_s: float
    timezone: str
    metrics_token: str = field(repr=False)
    chains_per_topic: int
    slow_chains: int
    nightly_hour: int
    log_level: str

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def _not_plain_http_abroad(url: str) -> None:
    """Secrets travel to these addresses: https, or http to this machine only."""
    parts = urlsplit(url.replace("{tenant}", "tenant"))
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or parts.hostname not in LOOPBACK_HOSTS:
        raise ValidationError("must be https, or http to 127.0.0.1, localhost or ::1")


class _Url(m.String):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if text:
            _not_plain_http_abroad(text)
        return text.rstrip("/")


class _Budget(m.String):
    """``30/6``: requests per seconds."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        requests, slash, seconds = text.partition("/")
        try:
            budget = (int(requests), float(seconds))
        except ValueError as error:
            raise ValidationError("must look like 30/6 (requests per seconds)") from error
        if not slash or budget[0] < 1 or not 0 < budget[1] < math.inf:
            raise ValidationError("must look like 30/6 (requests per seconds)")
        return budget


class _CommaList(m.String):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        return tuple(part.strip() for part in text.split(",") if part.strip())


class _DatabaseUrl(m.String):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        url = str(super()._deserialize(value, attr, data, **kwargs))
        scheme, sep, rest = url.partition("://")
        # SQLAlchemy 2.1 reads postgresql:// as psycopg 3, which we do not ship.
        if scheme in ("postgres", "postgresql"):
            scheme = "postgresql+psycopg2"
        if not sep or scheme not in ("sqlite", "postgresql+psycopg2"):
            raise ValidationError("must start with sqlite:///, postgres:// or postgresql://")
        return f"{scheme}://{rest}"


def _seconds(default: float, minimum: float = 0.05) -> m.Float:
    return m.Float(load_default=default, validate=validate.Range(min=minimum))


class _SettingsSchema(Schema):
    """Defaults are the production defaults (interface.md, Settings)."""

    class Meta:
        unknown = RAISE

    database_url = _DatabaseUrl(load_default="sqlite:///relay.db")
    broker_url = m.String(
        load_default="memory://",
        validate=validate.Regexp(
            r"^(memory://|amqps?://)", error="must start with memory://, amqp:// or amqps://"
        ),
    )
    secret_key = _CommaList(load_default=())
    host = m.String(load_default="127.0.0.1")
    port = m.Integer(load_default=8080, validate=validate.Range(1, 65535))
    public_url = _Url(load_default="")
    app_identifier = m.String(load_default="")
    client_id = m.String(load_default="")
    client_secret = m.String(load_default="")
    app_jwk = m.String(load_default="")
    erp_domains = _CommaList(load_default=("vario.cloud",))
    erp_url = _Url(load_default="")
    erp_token_url = _Url(load_default="")
    erp_budget = _Budget(load_default=(30, 6.0))  # 75 % of the ERP's 40 per 6 s
    coalesce_s = _seconds(4.0, minimum=0.0)
    lease_s = _seconds(120.0)
    stage_soft_s = _seconds(60.0)
    stage_hard_s = _seconds(90.0)
    sweep_s = _seconds(5.0)
    # Longer than an export of an ERP rests between two batches.
    brake_wait_s = _seconds(120.0)
    timezone = m.String(load_default="Europe/Berlin")
    metrics_token = m.String(load_default="")
    # Two per channel and topic: one may fetch while the other writes, and the loss of a worker
    # never stops a lane until its lease ends.
    chains_per_topic = m.Integer(load_default=2, validate=validate.Range(1, 16))
    # Half of the four live worker processes of the Procfile: the other half is for shops that work.
    slow_chains = m.Integer(load_default=2, validate=validate.Range(1, 64))
    nightly_hour = m.Integer(load_default=2, validate=validate.Range(0, 23))
    log_level = m.String(
        load_default="INFO", validate=validate.OneOf(("DEBUG", "INFO", "WARNING", "ERROR"))
    )

    # Also when single settings are wrong, so that all is named at once; those are missing then.
    @validates_schema(skip_on_field_errors=False)
    def _stages_fit_into_the_lease(self, values: dict[str, Any], **_: Any) -> None:
        order = ("stage_soft_s", "stage_hard_s", "lease_s")
        readable = [values[name] for name in order if name in values]
        if any(shorter >= longer for shorter, longer in pairwise(readable)):
            names = " < ".join(f"{PREFIX}{name.upper()}" for name in order)
            raise ValidationError(f"must hold: {names}", "stage_hard_s")

    @validates_schema(skip_on_field_errors=False)
    def _timezone_exists(self, values: dict[str, Any], **_: Any) -> None:
        try:
            ZoneInfo(values["timezone"])
        # No such file, not a name for one, a folder.
        except (LookupError, ValueError, OSError) as error:
            raise ValidationError("is not a time zone, e.g. Europe/Berlin", "timezone") from error

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> Settings:
        values["secret_keys"] = values.pop("secret_key")
        return Settings(**values)


#: name of each setting -> its default as an operator would write it; order is the documentation's.
SETTING_NAMES = tuple(f"{PREFIX}{name.upper()}" for name in _SettingsSchema().fields)


def from_env(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`.

    Raises: UsageError naming every missing, unknown or malformed setting at once.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith(FOREIGN_PREFIXES)
    }
    # An empty line in .env means "not set", so that a template can list every name.
    given = {name: value for name, value in given.items() if value.strip()}
    try:
        settings: Settings = _SettingsSchema().load(given)
    except ValidationError as error:
        raise UsageError(f"settings: {_sentence(error.messages_dict)}") from error
    return settings


def _sentence(messages: Mapping[str, Any]) -> str:
    parts = []
    for name, texts in sorted(messages.items()):
        for text in texts if isinstance(texts, list) else [texts]:
            is_unknown = text == "Unknown field."
            said = "is not a setting; see docs/settings.md" if is_unknown else text
            parts.append(f"{PREFIX}{name.upper()} {said}")
    return "; ".join(parts)


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, from the environment over `.env` of the working folder."""
    try:
        from_file = {k: v for k, v in dotenv_values(Path(".env")).items() if v is not None}
    except UnicodeDecodeError as error:
        raise UsageError("settings: .env is not UTF-8 text; save it again as UTF-8") from error
    return from_env({**from_file, **os.environ})
