"""Every error of the product, named by its consequence and never by a platform.

    IntegrationError
        TransientError          try again by the schedule of integration.retry; costs an attempt
            Throttled           wait as told; costs no attempt
                Busy            a lock or a short shortage; costs no attempt
            SourceTrouble       the ERP failed while a shop was written; as TransientError
        PermanentError          this row is FAILED at once
            Invalid             our own schema refuses it
            Rejected            the platform or the ERP refuses it
            Gone                the entity does not exist any more
        Held                    these rows wait for a person, shown as one cause
            MappingMissing      a mapping of the channel lacks an entry
            NeedsConfirmation   a person has to confirm
            HeldFor             or for a time, whichever ends first
        ChannelError            the whole channel is held
            CredentialsRefused  the shop does not accept what the channel is set to
                RightMissing    it lets us in, but not do this
        TenantError             all channels of the tenant are held
            TokenRefused        and tried again by themselves
            Forbidden           the ERP does not let the app do this
                LicenseMissing  the tenant lacks a license for what was asked
        ClaimLost               somebody else holds the work; the loser records nothing
        UsageError              a command or a setting is wrong; nothing was done

All arguments go to ``super().__init__`` so that each error survives a pickle round trip
(pitfall 24: Celery sends exceptions between processes).
"""

from __future__ import annotations


class IntegrationError(Exception):
    """Base of all errors that have a planned consequence."""


class TransientError(IntegrationError):
    """Something failed that may work later. Costs an attempt.

    `outcome_unknown` says that a write may have happened although nobody confirmed it.
    """

    def __init__(self, message: str, outcome_unknown: bool = False) -> None:
        super().__init__(message, outcome_unknown)
        self.message, self.outcome_unknown = message, outcome_unknown

    def __str__(self) -> str:
        return self.message


class Throttled(TransientError):
    """The other side needs a pause of `retry_after_s` seconds. Costs no attempt."""

    def __init__(
        self, message: str, retry_after_s: float = 1.0, outcome_unknown: bool = False
    ) -> None:
        super().__init__(message, outcome_unknown)
        self.args = (message, retry_after_s, outcome_unknown)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.message} (retry after {self.retry_after_s:g} s)"


class Busy(Throttled):
    """A lock or a shortage that passes by itself. Costs no attempt."""


class SourceTrouble(TransientError):
    """The ERP did not give a file that a shop was to get; says nothing of the shop's health."""


class PermanentError(IntegrationError):
    """This row cannot succeed without a change of its data."""


class Invalid(PermanentError):
    """Our own schema refuses the row."""


class Rejected(PermanentError):
    """The platform or the ERP refuses the row, in its own words."""


class Gone(PermanentError):
    """The entity does not exist any more."""


class Held(IntegrationError):
    """These rows wait for a person. `reason` groups them, e.g. ``no-price``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason, self.message = reason, message

    def __str__(self) -> str:
        return self.message


class MappingMissing(Held):
    """A mapping of the channel lacks an entry. `reason` is e.g. ``mapping:tax:19``."""


class NeedsConfirmation(Held):
    """A person has to confirm before anything is sent."""


class HeldFor(Held):
    """The row waits for another event of its entity, but no longer than `seconds`."""

    def __init__(self, reason: str, message: str, seconds: float) -> None:
        super().__init__(reason, message)
        self.args = (reason, message, seconds)
        self.seconds = seconds


class ChannelError(IntegrationError):
    """The whole channel is held until somebody fixes what the message says."""


class CredentialsRefused(ChannelError):
    """The shop refuses the credentials or the rights of the channel."""


class RightMissing(CredentialsRefused):
    """The shop does not let the channel do this. What can go on without it catches the error."""


class TenantError(IntegrationError):
    """All channels of the tenant are held, e.g. because the app must be reconnected.

    `connection` is the sealed offline token that it was met with, where that is known: a tenant
    that was connected anew meanwhile is not held for it. `tried_again_s`: seconds after which the
    ERP of a held tenant is asked, as what needs a person may have ended without a word to us.
    """

    connection: str | None = None
    tried_again_s = 86_400.0


class TokenRefused(TenantError):
    """The ERP refuses an access token that it gave a moment ago. It may be the ERP's own trouble,
    so that the tenant is tried again soon."""

    tried_again_s = 60.0


class Forbidden(TenantError):
    """The ERP does not let the app do this. What can go on without it catches the error."""


class LicenseMissing(Forbidden):
    """The tenant lacks a license for what was asked (402)."""


class ClaimLost(IntegrationError):
    """The claim is held by somebody else or expired; the loser records nothing."""


class UsageError(IntegrationError):
    """A command, an argument or a setting is wrong; nothing was done."""


_ERROR_BY_STATUS: dict[int, type[IntegrationError]] = {
    401: CredentialsRefused,
    403: CredentialsRefused,
    408: TransientError,
    425: TransientError,
    429: Throttled,
}


def error_for(status: int) -> type[IntegrationError]:
    """The error class that an HTTP status of a platform stands for, before its body is read."""
    return _ERROR_BY_STATUS.get(status, TransientError if status >= 500 else Rejected)
