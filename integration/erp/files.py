"""Files of the ERP for a connector that is writing to a shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from integration.erp import shelf
from integration.erp.client import ErpClient
from integration.erp.vql import is_id
from integration.errors import Busy, Gone, Rejected, SourceTrouble, Throttled, TransientError


class Files:
    """Opens files of one tenant. `connect` gives the client, asked for with the first file."""

    def __init__(self, connect: Callable[[], ErpClient]) -> None:
        self._connect = connect
        self._client: ErpClient | None = None

    def open(self, ref: str) -> Iterator[bytes]:
        """The bytes of a document in chunks.

        Raises, with any chunk: Busy, SourceTrouble, Rejected, TenantError. What the ERP says must
        not be taken for something the shop said: Busy lets the shop alone, too.
        """
        if not is_id(ref):
            raise Rejected(f"{ref!r} is no document of the ERP")
        if self._client is None:
            self._client = self._connect()
        try:
            yield from self._client.file(shelf.file_path(ref))
        except Throttled as error:
            raise Busy(error.message, error.retry_after_s) from error
        except TransientError as error:
            raise SourceTrouble(error.message) from error
        except Gone as error:
            # Taken off the shelf since the fetch: the next one does not name it any more.
            raise SourceTrouble(str(error)) from error
