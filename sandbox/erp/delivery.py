"""Delivers webhooks: a heap of what is due when, and worker threads with kept-alive connections.

A recipient is one registration's copy of one message. Its states are the ERP's: QUEUED, SENT,
FAILED (will be tried again), ERRONEOUS (given up) and INACTIVE (switched off by an app). Nothing
guarantees an order, as there.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from sandbox.erp import events
from sandbox.erp.options import Options
from sandbox.erp.tenants import Registration, Tenant
from sandbox.faults import Faults

REMEMBERED = 20_000  # messages and deliveries that can be looked up afterwards
REORDER_S = 1.0  # how long a webhook is held back so that later ones overtake it
DELAY_S = 5.0
GONE = {"404", "410"}


def _nobody(_app: str) -> bool:
    return False


@dataclass
class Recipient:
    """One delivery to one address."""

    tenant: str
    registration: Registration
    body: str
    epoch: int  # of the courier; a reset starts a new one
    state: str = "QUEUED"
    attempts: int = 0
    sent_at: str | None = None
    response: str | None = None

    def describe(self) -> dict[str, Any]:
        return {"queue": self.registration.queue, "url": self.registration.url,
                "appIdentifier": self.registration.app, "tenant": self.tenant,
                "body": json.loads(self.body), "state": self.state, "attempts": self.attempts,
                "sentAt": self.sent_at, "response": self.response}


@dataclass
class Message:
    """One event, with a recipient for every registration it goes to."""

    id: int
    tenant: str
    queue: str
    body: str
    extra: dict[str, Any] = field(default_factory=dict)  # what else an app has sent with it
    recipients: list[Recipient] = field(default_factory=list)


class Courier:
    """Takes messages and sends them. `options` is asked anew for every attempt."""

    def __init__(self, token_of: Callable[[str], str], faults: Faults,
                 options: Callable[[], Options]) -> None:
        self._token_of, self._faults, self._options = token_of, faults, options
        self._due: list[tuple[float, int, Recipient]] = []
        self._ready = threading.Condition()
        self._order = itertools.count()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._epoch = 0
        self._clear()

    def _clear(self) -> None:
        self._due.clear()
        self._message_ids = itertools.count(1)
        self._messages: OrderedDict[int, Message] = OrderedDict()
        self._recent: deque[Recipient] = deque(maxlen=REMEMBERED)
        self._queued = self._sent = self._attempts = 0
        self._given_up = self._dropped = self._inactive = 0

    def announce(self, tenant: Tenant, queue: str, payload: dict[str, Any], *,
                 spared: Callable[[str], bool] = _nobody, copies: int = 1) -> Message:
        """Queue what the ERP itself reports, with the ids that the options give its events."""
        shaped = events.shaped(payload, self._options())
        return self.post(tenant, queue, shaped, spared=spared, copies=copies)

    def post(self, tenant: Tenant, queue: str, payload: Any, *,
             spared: Callable[[str], bool] = _nobody, copies: int = 1,
             extra: dict[str, Any] | None = None) -> Message:
        """Queue one event for everyone registered, except the apps that are `spared`."""
        with self._ready:
            message = Message(next(self._message_ids), tenant.name, queue, json.dumps(payload),
                              extra or {})
            self._messages[message.id] = message
            while len(self._messages) > REMEMBERED:
                self._messages.popitem(last=False)
        for registration in tenant.registrations.get(queue, ()):
            if not spared(registration.app):
                for _copy in range(copies):
                    self._enqueue(message, registration)
        return message

    def message(self, identifier: int) -> Message | None:
        return self._messages.get(identifier)

    def messages(self, tenant: str) -> list[Message]:
        with self._ready:
            return [message for message in self._messages.values() if message.tenant == tenant]

    def rewrite(self, message: Message, payload: Any) -> None:
        """Give the message other content; what was sent already stays sent."""
        with self._ready:
            message.body = json.dumps(payload)
            for recipient in message.recipients:
                if recipient.state != "SENT":
                    recipient.body = message.body

    def deactivate(self, messages: list[Message], app: str) -> None:
        """Do not try again what of these has not reached the app yet."""
        with self._ready:
            for recipient in (one for message in messages for one in message.recipients):
                if recipient.registration.app == app and recipient.state in ("QUEUED", "FAILED"):
                    recipient.state = "INACTIVE"
                    self._inactive += 1

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """The newest deliveries, newest first."""
        with self._ready:
            newest = list(itertools.islice(reversed(self._recent), limit))
        return [recipient.describe() for recipient in newest]

    def counts(self) -> dict[str, int]:
        """`pending` is what is queued, on its way or waits for its next attempt."""
        with self._ready:
            pending = (self._queued - self._sent - self._given_up - self._dropped
                       - self._inactive)
            return {"queued": self._queued, "sent": self._sent, "pending": pending,
                    "attempts": self._attempts, "erroneous": self._given_up,
                    "dropped": self._dropped, "inactive": self._inactive}

    def reset(self) -> None:
        """Forget everything, also what has not been sent yet."""
        with self._ready:
            self._epoch += 1
            self._clear()

    def close(self) -> None:
        with self._ready:
            self._closed = True
            self._due.clear()
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(1)

    def _enqueue(self, message: Message, registration: Registration) -> None:
        hit = {kind for kind in ("webhook-drop", "webhook-duplicate", "webhook-reorder")
               if self._faults.take({kind}, message.queue)}
        delay = self._faults.take({"webhook-delay"}, message.queue)
        delay_s = (delay.seconds or DELAY_S) if delay else 0.0
        delay_s += REORDER_S if "webhook-reorder" in hit else 0.0
        for _copy in range(2 if "webhook-duplicate" in hit else 1):
            recipient = Recipient(message.tenant, registration, message.body, self._epoch)
            with self._ready:
                message.recipients.append(recipient)
                self._recent.append(recipient)
                self._queued += 1
                if "webhook-drop" in hit:
                    self._dropped += 1
                    recipient.state, recipient.response = "ERRONEOUS", "dropped on request"
                else:
                    self._push(recipient, delay_s)

    def _push(self, recipient: Recipient, delay_s: float) -> None:
        """Needs the lock."""
        if not self._threads and not self._closed:
            self._start()
        heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._order), recipient))
        self._ready.notify()

    def _start(self) -> None:
        for place in range(self._options().webhook_workers):
            thread = threading.Thread(target=self._work, name=f"webhook-{place}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        session = requests.Session()
        session.trust_env = False  # looking for proxies costs more than the call on loopback
        while (recipient := self._next()) is not None:
            self._attempt(session, recipient)

    def _next(self) -> Recipient | None:
        """Waits for the next recipient that is due; None when closed."""
        with self._ready:
            while not self._closed:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    recipient = heapq.heappop(self._due)[2]
                    if recipient.state == "INACTIVE":
                        continue
                    return recipient
                self._ready.wait(wait_s)
        return None

    def _attempt(self, session: requests.Session, recipient: Recipient) -> None:
        options = self._options()
        headers = {"Content-Type": "application/json", "User-Agent": "vario-erp"}
        token, query = self._token_of(recipient.tenant), {}
        if options.webhook_auth == "bearer":
            headers["Authorization"] = f"Bearer {token}"
        elif options.webhook_auth == "query":
            query["appToken"] = token
        try:
            answer = session.post(recipient.registration.url, data=recipient.body, headers=headers,
                                  params=query, timeout=options.webhook_timeout_s,
                                  allow_redirects=False)
            delivered, response = answer.ok and answer.status_code < 300, str(answer.status_code)
        except requests.RequestException as error:
            delivered, response = False, type(error).__name__
        gives_up = options.webhook_gone == "give-up" and response in GONE
        self._settle(recipient, delivered, response, () if gives_up else options.webhook_retries_s)

    def _settle(self, recipient: Recipient, delivered: bool, response: str,
                schedule: tuple[float, ...]) -> None:
        with self._ready:
            if recipient.epoch != self._epoch or recipient.state == "INACTIVE":
                return  # reset, or deactivated, while this one was on its way
            recipient.attempts += 1
            recipient.response = response
            self._attempts += 1
            if delivered:
                self._sent += 1
                recipient.state, recipient.sent_at = "SENT", datetime.now(UTC).isoformat()
            elif recipient.attempts > len(schedule):
                self._given_up += 1
                recipient.state = "ERRONEOUS"
            else:
                recipient.state = "FAILED"
                self._push(recipient, schedule[recipient.attempts - 1])
