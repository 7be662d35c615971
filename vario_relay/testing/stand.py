"""Where a connector stands while it is examined: what the service gives it, and how it is driven.

`Stand.send` does with a batch what the push stage does: what failed for a time goes again, what
was refused does not, and a product that vanished is made anew by its article.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from vario_relay import (
    ArticleDocument,
    ChannelError,
    ClaimLost,
    Connector,
    Context,
    DeliveryDocument,
    Document,
    Held,
    IntegrationError,
    ListingView,
    Payload,
    PermanentError,
    Receipt,
    TakesDeliveries,
    Throttled,
    Topic,
    TransientError,
    dumps,
    loads,
)
from vario_relay.testing.given import Facts, Gate, Target, Tokens
from vario_relay.testing.goods import FILES, Goods
from vario_relay.testing.proxy import Fault, Follower, Proxy
from vario_relay.testing.verdicts import NotSupported, Wrong

#: More than a connector needs that halves a batch and fails once.
MOST_PUSHES = 8
#: Rows of which each half has a good one, even beside a bad one.
SMALLEST_BATCH = 4
#: The longest pause that is kept, in seconds; the service's own longest one is 300.
LONGEST_REST_S = 60.0

Asked = TypeVar("Asked")


@dataclass
class Sent:
    """What became of some documents. `receipts` are the last word on each, by article;
    `errors` what failed for a time or held the channel, in order; `met` those of the pushes that
    met the fault, a shop may have troubles of its own; `followers` what these pushes asked after
    it."""

    receipts: dict[str, Receipt] = field(default_factory=dict)
    errors: list[IntegrationError] = field(default_factory=list)
    met: list[IntegrationError] = field(default_factory=list)
    followers: list[Follower] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    pushes: int = 0

    def error_of(self, document: Document) -> IntegrationError | None:
        """Why it is not accepted. One that never was settled has the last error that was met."""
        receipt = self.receipts.get(document.article_id)
        if receipt is not None:
            return receipt.error
        return self.errors[-1] if self.errors else TransientError("it was never settled")

    def take_refusals(self, later: Sent) -> None:
        """An article is accepted only if no later write of it was refused."""
        refused = {one: r for one, r in later.receipts.items() if r.error is not None}
        self.receipts.update(refused)


class Stand:
    """One connector of one channel and all that it was sent; `goods` makes the articles."""

    def __init__(
        self, target: Target, proxy: Proxy, rest: Callable[[float], None] = time.sleep
    ) -> None:
        self.target, self.proxy, self._rest = target, proxy, rest
        self.goods = Goods(target.parameters.get("currency") or "EUR", target.tax_rate)
        self.gate, self.tokens = Gate(), Tokens()
        self._session = proxy.session(self.gate.take)
        self.listings: dict[str, ListingView] = {}
        #: Files that were asked for.
        self.opened: list[str] = []
        #: Every number that went out, so that all of them can be found again.
        self.numbers: set[str] = set()
        self._facts: dict[str, Facts] = {}

    def context(self, part: str = "channel") -> Context:
        """What the service gives; `part` is the channel, another one is another namespace."""
        return Context(
            namespace=f"relay-kit-{self.goods.run.lower()}/{part}",
            parameters=self.target.parameters,
            session=self._session,
            tokens=self.tokens,
            facts=self._facts.setdefault(part, Facts()),
            before_write=self.gate,
            open_file=self._open,
        )

    def connector(self, part: str = "channel") -> Connector:
        """Built anew each time, as for each stage."""
        return self.target.platform.build(self.context(part))

    def require(self, topic: Topic) -> None:
        """Raises: NotSupported for a topic that the platform does not serve."""
        if topic not in self.target.platform.capabilities.max_batch:
            raise NotSupported(
                f"the platform does not serve {topic.name.lower().replace('_', '-')}"
            )

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """The shop fails as `fault` says. Raises at the end: Wrong or NotSupported if nothing met
        it, because no request came by that writes."""
        self.proxy.fault = fault
        try:
            yield
        finally:
            self.proxy.fault = None
        if fault.hit == 0:
            raise self._unmet()

    def _unmet(self) -> Exception:
        if not self.target.has_address:
            return NotSupported("it makes no HTTP requests that could fail")
        if self.proxy.seen == 0:
            return Wrong("its requests do not go through the session of its context")
        return Wrong("no request that writes follows a call of before_write")

    def patiently(self, ask: Callable[[], Asked]) -> Asked:
        """What a question to the shop brings, asked again where the shop fails by itself.

        Raises: what the last try raised.
        """
        for _ in range(MOST_PUSHES - 1):
            try:
                return ask()
            except TransientError as error:
                self._keep_pause(error)
        return ask()

    def lookup(self, numbers: Sequence[str]) -> dict[str, str]:
        """Product id by number of what the shop has."""
        return self.patiently(lambda: self.connector().lookup(numbers))

    def batch(self) -> list[ArticleDocument]:
        """New articles of one batch, as many as asked for and enough for a bad one among them."""
        return self.goods.articles(max(SMALLEST_BATCH, self.target.rows))

    def have(self, articles: Sequence[ArticleDocument]) -> None:
        """Create what a case begins with. Raises: Wrong if that fails already."""
        sent = self.create(articles)
        for article in articles:
            if (error := sent.error_of(article)) is not None:
                raise Wrong(f"{article.number} cannot be created to begin with: {error}")

    def create(self, articles: Sequence[ArticleDocument], **kwargs: Any) -> Sent:
        """Articles, and of price and stock what their first write did not take."""
        sent = self.send(Topic.ARTICLE, articles, **kwargs)
        for topic, parts in (
            (Topic.PRICE, [one.price for one in articles]),
            (Topic.STOCK, [one.stock for one in articles]),
        ):
            left = [
                one
                for one in parts
                if one is not None
                and (receipt := sent.receipts.get(one.article_id)) is not None
                and receipt.error is None
                and topic not in receipt.recorded
            ]
            later = self.send(topic, left)
            sent.errors += later.errors
            sent.met += later.met
            sent.followers += later.followers
            sent.take_refusals(later)
        return sent

    def send(
        self,
        topic: Topic,
        documents: Sequence[Document | DeliveryDocument],
        *,
        part: str = "channel",
        most_pushes: int = MOST_PUSHES,
    ) -> Sent:
        """Push documents until each is settled, or `most_pushes` in a row settle none."""
        sent, tries = Sent(), 0
        size = max(1, self.target.platform.capabilities.max_batch.get(topic, 1))
        while tries < most_pushes:
            waiting = [one for one in documents if _id_of(one) not in sent.receipts][:size]
            if not waiting:
                break
            settled = len(sent.receipts)
            sent.pushes += 1
            payloads = self.payloads(topic, waiting, sent, part)
            if payloads:
                self._push_once(topic, payloads, sent, part)
            tries = tries + 1 if len(sent.receipts) == settled else 0
        return sent

    def payloads(
        self,
        topic: Topic,
        documents: Sequence[Document | DeliveryDocument],
        sent: Sent,
        part: str = "channel",
    ) -> list[Payload]:
        """What goes out; documents that are refused here are settled in `sent`.

        Raises: Wrong if the shop was asked meanwhile.
        """
        connector, seen, result = self.connector(part), self.proxy.seen, list[Payload]()
        for document in documents:
            try:
                result.append(self._payload(connector, topic, document))
            except (PermanentError, Held) as error:
                sent.receipts[_id_of(document)] = Receipt(_id_of(document), error=error)
        if self.proxy.seen != seen:
            raise Wrong("payload asks the shop, it has to be pure")
        return result

    def _payload(
        self, connector: Connector, topic: Topic, document: Document | DeliveryDocument
    ) -> Payload:
        if isinstance(document, DeliveryDocument):
            if not isinstance(connector, TakesDeliveries):
                raise Wrong("it serves order-status without delivery_payload")
            known = self.listings.get(document.document_id)
            payload = connector.delivery_payload(document, known.external_id if known else None)
            payload["tracking_numbers"] = list(document.tracking_numbers)
            payload["is_withdrawal"] = document.is_cancelled
            payload["earlier"] = {
                "was_sent": known is not None,
                "was_withdrawn": False,
                "tracking_numbers": list(document.tracking_numbers) if known else [],
            }
        else:
            known = self.listings.get(document.article_id, ListingView(document.article_id))
            payload = connector.payload(document, known)
            if topic is Topic.ARTICLE:
                payload["is_active"] = isinstance(document, ArticleDocument)
            if isinstance(document, ArticleDocument):
                payload["kind"] = "single"
                self.numbers.add(document.number)
        # It travels between tasks.
        travelled: Payload = loads(dumps(payload))
        return travelled

    def _push_once(self, topic: Topic, payloads: list[Payload], sent: Sent, part: str) -> None:
        fault, known = self.proxy.fault, len(sent.errors)
        hit = fault.hit if fault else 0
        self._push(topic, payloads, sent, part)
        errors = sent.errors[known:]
        if fault is not None and fault.hit > hit:
            if fault.is_repeated_unannounced:
                raise Wrong("a write that failed is repeated without a call of before_write")
            sent.met += errors
            sent.followers += fault.followers
            return
        for error in errors[-1:]:
            self._keep_pause(error)

    def _push(self, topic: Topic, payloads: list[Payload], sent: Sent, part: str) -> None:
        key = f"relay-kit-{self.goods.run}-{sent.pushes}"
        try:
            receipts = self.connector(part).push(topic, payloads, key=key)
        except (TransientError, ChannelError) as error:
            sent.errors.append(error)
            return
        except (PermanentError, Held) as error:
            receipts = [Receipt(one["article_id"], error=error) for one in payloads]
        self.take(topic, payloads, receipts, sent)

    def take(
        self, topic: Topic, payloads: Sequence[Payload], receipts: Sequence[Receipt], sent: Sent
    ) -> None:
        """Note what receipts say. Raises: Wrong if they are not what they have to be."""
        wanted = [one["article_id"] for one in payloads]
        if [one.article_id for one in receipts] != wanted:
            raise Wrong("push gives other receipts than one per payload in the same order")
        for payload, receipt in zip(payloads, receipts, strict=True):
            if isinstance(receipt.error, (ChannelError, ClaimLost)):
                raise Wrong(
                    f"a receipt carries {type(receipt.error).__name__}, which has to be raised"
                )
            if isinstance(receipt.error, TransientError):
                sent.errors.append(receipt.error)
            elif receipt.has_vanished:
                self._forget(topic, receipt, sent)
            else:
                sent.receipts[receipt.article_id] = receipt
                if receipt.error is None:
                    self._remember(topic, payload, receipt)

    def _forget(self, topic: Topic, receipt: Receipt, sent: Sent) -> None:
        sent.vanished.append(receipt.article_id)
        self.listings.pop(receipt.article_id, None)
        if topic is not Topic.ARTICLE:
            sent.receipts[receipt.article_id] = receipt  # it waits for its article

    def _remember(self, topic: Topic, payload: Payload, receipt: Receipt) -> None:
        known = self.listings.get(receipt.article_id)
        external_id = receipt.external_id or (known.external_id if known else None)
        if topic is Topic.ARTICLE and external_id is None:
            raise Wrong("an article is accepted without the product's id")
        if topic in (Topic.ARTICLE, Topic.ORDER_STATUS):
            known = ListingView(receipt.article_id, external_id, payload["number"], is_active=True)
        if known is not None and receipt.notes is not None:
            known = replace(known, notes=dict(receipt.notes))
        if known is not None:
            self.listings[receipt.article_id] = known

    def _keep_pause(self, error: IntegrationError) -> None:
        """What the shop asks for by itself; a pause that the kit made up needs no waiting."""
        if isinstance(error, Throttled):
            self._rest(min(error.retry_after_s, LONGEST_REST_S))

    def _open(self, ref: str) -> Iterator[bytes]:
        self.opened.append(ref)
        yield FILES[ref]


def _id_of(document: Document | DeliveryDocument) -> str:
    if isinstance(document, DeliveryDocument):
        return document.document_id
    return document.article_id
