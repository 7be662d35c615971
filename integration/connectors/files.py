"""Files of the ERP on their way into a shop's media: spooled on disk, known by their content.

Part of the connector interface: a connector may use all of it and has to use none. A file passes
through a temporary file in chunks: its hash and its length are known before it is sent, and it can
be sent again.
"""

from __future__ import annotations

import hashlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from integration.connectors import http
from integration.connectors.base import Context
from integration.documents import Image
from integration.errors import (
    Busy,
    IntegrationError,
    PermanentError,
    Rejected,
    SourceTrouble,
    Throttled,
    TransientError,
)

#: Of one file. PHP takes less by default and then says so; more is no picture for a shop.
MAX_FILE_BYTES = 32 * 1024 * 1024
#: A group ends when it has so many files or so much on disk. Fifty articles of a batch with one new
#: file each are one group: a second would cost a write more than a twentieth of the files.
GROUP_FILES, GROUP_BYTES = 50, 512 * 1024 * 1024

T = TypeVar("T")

#: A document of the ERP at one revision: what is downloaded once.
Content = tuple[str, str]
#: An image as `image_body` writes it.
ImageBody = Mapping[str, Any]


def image_body(image: Image) -> dict[str, Any]:
    """An image as a body names it; its place in the list is its place in the shop."""
    return {
        "ref": image.ref,
        "revision": image.revision,
        "name": image.file_name,
        "extension": image.extension,
        "type": image.media_type,
        "size": image.size,
        "alt": dict(image.alt),
    }


def content_of(image: ImageBody) -> Content:
    return image["ref"], image["revision"]


@dataclass(frozen=True)
class Spooled:
    """A file on disk. `digest` is the SHA-256 of its bytes, in hex."""

    content: Content
    image: ImageBody
    digest: str
    body: http.FileBody


@dataclass
class Outcome:
    """Media ids by content of what is in the shop now, and why the others are not."""

    id_by_content: dict[Content, str] = field(default_factory=dict)
    error_by_content: dict[Content, IntegrationError] = field(default_factory=dict)


class ShopStops(Exception):
    """Nothing more can be sent to the shop now; `error` says why. It passes `Uploads.send`."""

    def __init__(self, error: TransientError) -> None:
        super().__init__(error)
        self.error = error


class Uploads(ABC):
    """Uploads for one push of one channel: how a shop takes a group of files is its own affair."""

    #: What takes the files, by its name, and the extensions of the images that it takes.
    SYSTEM: ClassVar[str]
    EXTENSIONS: ClassVar[frozenset[str]]
    #: Files in a row that the shop may fail: one is an odd file, two are a shop in trouble.
    MAX_STUMBLES = 2

    def __init__(self, context: Context) -> None:
        self.context = context
        self._stumbles = 0

    def refusal(self, image: ImageBody) -> str | None:
        """Why the shop would not take an image at all; None: it would."""
        if image["extension"] in self.EXTENSIONS:
            return None
        return f"{self.SYSTEM} takes no {image['extension'] or image['type']} as an image"

    @abstractmethod
    def send(self, group: Sequence[Spooled], outcome: Outcome) -> None:
        """Have the shop take these files, and note in `outcome` what became of each."""

    def upload(self, images: Sequence[ImageBody]) -> Outcome:
        """Bring these images into the shop's media, each content once.

        Raises: what stops the whole push: TransientError of a shop in trouble, TenantError,
        ClaimLost, ChannelError.
        """
        outcome = Outcome()
        with tempfile.TemporaryDirectory(prefix="vario-relay-") as folder:
            try:
                for group in self._groups(images, Path(folder), outcome):
                    self.send(group, outcome)
            except ShopStops as stops:
                raise stops.error from stops
        return outcome

    def one(self, send: Callable[[], T]) -> T:
        """What `send` gives, which uploads one file. Raises: its errors of this file; ShopStops for
        one that asks for a pause and for the second one in a row without an answer."""
        try:
            result = send()
        except Busy:
            raise
        except Throttled as error:
            raise ShopStops(error) from error
        except TransientError as error:
            self._stumbles += 1
            if self._stumbles >= self.MAX_STUMBLES:
                raise ShopStops(error) from error
            raise
        self._stumbles = 0
        return result

    def _groups(
        self, images: Sequence[ImageBody], folder: Path, outcome: Outcome
    ) -> Iterator[list[Spooled]]:
        """The files of these images on disk, each content once, group by group; a group's files are
        gone with the next one.

        What cannot be had is noted in `outcome`. Raises: what `Context.open_file` lets through.
        """
        wanted = {content_of(image): image for image in images}
        group: list[Spooled] = []
        is_over: Busy | None = None
        for number, (content, image) in enumerate(wanted.items()):
            try:
                if is_over is not None:
                    raise is_over
                if (why := self.refusal(image)) is not None:
                    raise Rejected(why)
                group.append(_spool(self.context, content, image, folder / str(number)))
            except Busy as error:
                # No time or no budget for any other either; they come again.
                is_over = error
                outcome.error_by_content[content] = error
            except (SourceTrouble, PermanentError) as error:
                outcome.error_by_content[content] = error
            if len(group) >= GROUP_FILES or sum(len(one.body) for one in group) >= GROUP_BYTES:
                yield group
                _remove(group)
                group = []
        if group:
            yield group
            _remove(group)


def _remove(group: Sequence[Spooled]) -> None:
    for spooled in group:
        spooled.body.path.unlink(missing_ok=True)


def _spool(context: Context, content: Content, image: ImageBody, path: Path) -> Spooled:
    """The file on disk. Raises: Rejected for what no shop takes, and what `Context.open_file`
    raises."""
    _check_size(image["size"] or 0)
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in context.open_file(image["ref"]):
            digest.update(chunk)
            size += file.write(chunk)
            _check_size(size)
    if not size:
        raise Rejected("the ERP's file is empty")
    return Spooled(content, image, digest.hexdigest(), http.FileBody(path, size))


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise Rejected(
            f"it has more than {MAX_FILE_BYTES // 1024**2} MB, which is too much for a shop; make "
            "it smaller in the ERP"
        )


def text_in(code: str, texts: Mapping[str, str]) -> str | None:
    """The text for a language of the shop (``de-DE``): of the same code, or of the same language
    without or with another country."""
    wanted = code.replace("_", "-").lower()
    by_code = {one.replace("_", "-").lower(): text for one, text in texts.items()}
    if wanted in by_code:
        return by_code[wanted]
    language = wanted.partition("-")[0]
    return next(
        (text for one, text in by_code.items() if one.partition("-")[0] == language),
        None,
    )


def missing_error(
    number: str, missing: Sequence[tuple[ImageBody, IntegrationError]], there: int
) -> IntegrationError | None:
    """Why not all images of a product are there, None if they are: what passes by itself goes
    before the rest, so that it is tried again; among it, what asks to wait without costing an
    attempt comes last. `there`: how many images of the product are in the shop."""
    if not missing:
        return None
    passing = [one for one in missing if isinstance(one[1], TransientError)]
    told = "; ".join(_sentence(image, error) for image, error in missing)
    words = f"{number}: {told}; {there} of {there + len(missing)} images are in the shop"
    if not passing:
        return Rejected(words)
    first = min((error for _, error in passing), key=lambda one: isinstance(one, Throttled))
    if isinstance(first, Throttled):
        return type(first)(words, first.retry_after_s, first.outcome_unknown)
    kind = SourceTrouble if isinstance(first, SourceTrouble) else TransientError
    return kind(words, any(_is_unknown(error) for _, error in passing))


def _is_unknown(error: IntegrationError) -> bool:
    return isinstance(error, TransientError) and error.outcome_unknown


def _sentence(image: ImageBody, error: IntegrationError) -> str:
    words = error.message if isinstance(error, TransientError) else str(error)
    return f"image {image['name']}.{image['extension']} (document {image['ref']}): {words}"
