"""One sentence per setting, and its default as an operator writes it; for `init` and the docs."""

from __future__ import annotations

from integration.settings import PREFIX, Settings, from_env

SENTENCE_BY_SETTING = {
    "RELAY_DATABASE_URL": (
        "The database: sqlite:///FILE for one process, postgres:// or postgresql:// for several."
    ),
    "RELAY_BROKER_URL": (
        "The wake-up calls between processes: memory:// within `vario-relay up`, amqp:// or "
        "amqps:// for RabbitMQ."
    ),
    "RELAY_SECRET_KEY": (
        "Encrypts the secrets in the database. Several, comma separated: the first one encrypts, "
        "all of them decrypt; `vario-relay secrets rotate` moves everything to the first. Keep a "
        "copy in a safe place: without it the stored secrets are lost."
    ),
    "RELAY_HOST": "The address that the web process listens on.",
    "RELAY_PORT": "The port that the web process listens on.",
    "RELAY_PUBLIC_URL": (
        "Where the ERP reaches this service, e.g. https://relay.example; webhooks are registered "
        "below it."
    ),
    "RELAY_APP_IDENTIFIER": "The app's identifier (a UUID) from the ERP's Admin Center.",
    "RELAY_CLIENT_ID": "The app's client id from the ERP's Admin Center.",
    "RELAY_CLIENT_SECRET": "The app's client secret; sent to the ERP's sign-in and nowhere else.",
    "RELAY_APP_JWK": (
        "The public key (JWK or JWK set, as JSON) that proves the ERP's calls, or @ and the path "
        "of a file that holds it and may change while the service runs; without it every call is "
        "refused."
    ),
    "RELAY_ERP_DOMAINS": (
        "The only domains that secrets are sent to, comma separated, their subdomains included."
    ),
    "RELAY_ERP_URL": (
        "Takes the place of the ERP's derived address, for a sandbox; {tenant} stands for the "
        "tenant, plain http only to this machine."
    ),
    "RELAY_ERP_TOKEN_URL": (
        "Takes the place of the derived address of the ERP's sign-in, under the same rules."
    ),
    "RELAY_ERP_BUDGET": "Requests per seconds and tenant; the ERP itself allows 40/6.",
    "RELAY_COALESCE_S": (
        "Seconds between two rounds of one channel and topic while changes keep coming."
    ),
    "RELAY_LEASE_S": "Seconds until work whose process died is taken back.",
    "RELAY_STAGE_SOFT_S": "Seconds after which a stage is told to stop; below the hard limit.",
    "RELAY_STAGE_HARD_S": "Seconds after which a stage is ended; below the lease.",
    "RELAY_SWEEP_S": "Seconds between two looks for work that nobody was woken for.",
    "RELAY_BRAKE_WAIT_S": "Seconds without another suspicious change after which those go on that "
    "are too few to be stopped; of fewer than 20 a 24th of it.",
    "RELAY_TIMEZONE": "The merchant's time zone, for nightly passes and `--until`.",
    "RELAY_METRICS_TOKEN": (
        "Bearer token for /metrics; while it is empty, only this machine is answered."
    ),
    "RELAY_CHAINS_PER_TOPIC": (
        "Batches of one channel and topic under way at once; with two, one is fetched while the "
        "other is written."
    ),
    "RELAY_SLOW_CHAINS": (
        "Batches under way at once of all shops together that are slow or do not answer; keep it "
        "below the number of worker processes, the others are for the shops that work."
    ),
    "RELAY_NIGHTLY_HOUR": "The local hour in which the nightly full pass of each channel begins.",
    "RELAY_LOG_LEVEL": (
        "From which level on the log shows something: DEBUG, INFO, WARNING or ERROR; secrets are "
        "masked on all of them."
    ),
}

_ATTRIBUTE = {"RELAY_SECRET_KEY": "secret_keys"}


def default_text(name: str) -> str:
    """The production default of a setting as it stands in `.env`; empty for none."""
    defaults: Settings = from_env({})
    value = getattr(defaults, _ATTRIBUTE.get(name, name.removeprefix(PREFIX).lower()))
    if name == "RELAY_ERP_BUDGET":
        requests, seconds = value
        return f"{requests}/{seconds:g}"
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
