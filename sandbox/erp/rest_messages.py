"""Webhooks as an app sees them: registrations, the queues on offer, and the store of messages."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify

from sandbox.erp import events
from sandbox.erp.delivery import Message
from sandbox.erp.errors import ApiError, invalid, not_found
from sandbox.erp.tenants import Registration
from sandbox.erp.world import World, current_tenant, sent_object

KEPT = ("destinationOwner", "eventTopic", "userRef")  # stored as sent; their meaning is not known


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("messages", __name__, url_prefix="/api/vario/cmn/system")
    _webhooks(routes, world)
    _messages(routes, world)
    _pausing(routes, world)
    return routes


def _webhooks(routes: Blueprint, world: World) -> None:
    path = "/app-message-webhook"

    def offered() -> list[str]:
        return events.destinations(current_tenant().channels, world.options.missing_queues)

    @routes.get(path + "/destinations")
    def destinations() -> Response:
        return jsonify([{"queue": queue, "owner": None, "description": queue}
                        for queue in offered()])

    @routes.post(path + "/register")
    def register() -> Response:
        registration = _registration(world)
        if registration.queue not in offered():
            raise not_found(f"The queue {registration.queue}")
        again = world.options.register_twice
        is_new = current_tenant().register(registration, twice=again == "twice")
        if again == "409" and not is_new:
            raise ApiError(409, "This webhook is registered already.", "CONFLICT")
        return Response(status=200)

    @routes.post(path + "/deregister")
    def deregister() -> Response:
        if not current_tenant().deregister(_registration(world)):
            raise not_found("This registration")
        return Response(status=200)


def _registration(world: World) -> Registration:
    body = sent_object()
    url, queue = body.get("url"), body.get("destinationQueue")
    if not isinstance(queue, str) or not queue:
        raise invalid("destinationQueue is required.")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid("url is an absolute URL.")
    return Registration(queue, url, str(body.get("appIdentifier") or world.tokens.app_identifier))


def _messages(routes: Blueprint, world: World) -> None:
    @routes.post("/app-message")
    def send_message() -> Any:
        body = sent_object()
        queue, payload = _queue_and_event(body)
        message = world.courier.post(current_tenant(), queue, payload,
                                     extra={name: body[name] for name in KEPT if name in body})
        return _shown(message)

    @routes.get("/app-message/<int:message_id>")
    def read_message(message_id: int) -> Any:
        return _shown(_message(world, message_id))

    @routes.put("/app-message/<int:message_id>")
    def write_message(message_id: int) -> Any:
        message = _message(world, message_id)
        _queue, payload = _queue_and_event({**_shown(message), **sent_object()})
        world.courier.rewrite(message, payload)
        return _shown(message)


def _queue_and_event(body: dict[str, Any]) -> tuple[str, Any]:
    queue, event = body.get("destinationQueue"), body.get("event")
    if not isinstance(queue, str) or not isinstance(event, str):
        raise invalid("destinationQueue and event (a text) are required.")
    try:
        return queue, json.loads(event)
    except ValueError:
        raise invalid("event is not JSON.") from None


def _message(world: World, message_id: int) -> Message:
    message = world.courier.message(message_id)
    if message is None or message.tenant != current_tenant().name:
        raise not_found(f"The message {message_id}")
    return message


def _shown(message: Message) -> dict[str, Any]:
    return {**message.extra, "id": str(message.id), "destinationQueue": message.queue,
            "event": message.body,
            "recipients": [{"appIdentifier": one.registration.app, "state": one.state,
                            "sentAttempts": one.attempts, "sentTimestamp": one.sent_at,
                            "response": one.response, "webhook": {
                                "url": one.registration.url,
                                "destinationQueue": one.registration.queue}}
                           for one in message.recipients]}


def _pausing(routes: Blueprint, world: World) -> None:
    @routes.put("/app-message/<int:message_id>/app/<app_id>/deactivate")
    def deactivate_one(message_id: int, app_id: str) -> Any:
        message = _message(world, message_id)
        world.courier.deactivate([message], app_id)
        return _shown(message)

    @routes.put("/app-message/app/<app_id>/deactivate")
    def deactivate_all(app_id: str) -> Response:
        world.courier.deactivate(world.courier.messages(current_tenant().name), app_id)
        return Response(status=200)
