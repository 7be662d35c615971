"""Changes of an article's images that an employee makes, under /_sandbox."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, request

from sandbox.erp import edits, events
from sandbox.erp.asked import flag, members, named_tenant, object_of, whole
from sandbox.erp.events import Event
from sandbox.erp.model import Article
from sandbox.erp.shelf import Image
from sandbox.erp.tenants import Tenant
from sandbox.erp.world import World

MOST_ADDED = 100


def add_to(routes: Blueprint, world: World) -> None:
    @routes.get("/media")
    def media() -> Any:
        tenant = named_tenant(world, request.args)
        article = edits.find(tenant, request.args.get("article", ""))
        return {"images": shown(tenant, article)}

    @routes.post("/media")
    def change_media() -> Any:
        body = object_of("tenant", "article", "add", "bytes", "replace", "remove", "order", "hide",
                         "show", "favourite", "alt", "silent")
        tenant = named_tenant(world, body)
        article = edits.find(tenant, body.get("article"))
        with tenant.lock:
            caused = _changed(tenant, article, body)
        sent = [] if flag(body, "silent", False) else world.announced(tenant, caused)
        return {"images": shown(tenant, article), "events": sent}


def shown(tenant: Tenant, article: Article) -> list[dict[str, Any]]:
    """The images that a shop should show, in their order: the favourite first."""
    with tenant.lock:
        published = [one for one in tenant.shelf.images(article) if one.publish]
    published.sort(key=lambda one: not one.favourite)
    return [{"id": str(one.id), "revision": one.revision, "favourite": one.favourite,
             "alt": one.alternative, "file_name": f"{one.file_name}.png",
             "sha256": hashlib.sha256(one.content()).hexdigest()} for one in published]


def _changed(tenant: Tenant, article: Article, body: dict[str, Any]) -> list[Event]:
    shelf, known = tenant.shelf, tenant.shelf.images(article)
    named = {name: _named(known, name, body) for name in (
        "replace", "remove", "order", "hide", "show", "favourite")}
    texts = _texts(known, body)
    added, least = whole(body, "add", 0), whole(body, "bytes", 0)
    if added > MOST_ADDED or not (added or texts or any(named.values())):
        raise ValueError(f"name something to change; add at most {MOST_ADDED}")
    for image in named["replace"]:
        image.revision += 1
    for image in named["hide"] + named["show"]:
        image.publish = image in named["show"]
    for place, image in enumerate(named["order"], 1):
        image.sort = place
    for image in known if named["favourite"] else ():
        image.favourite = image in named["favourite"]
    for image, text in texts:
        image.alternative = text
    documents = [event for image in named["replace"] for event in _of_document(image, "update")]
    documents += [event for image in named["remove"] for event in _of_document(image, "delete")]
    for image in named["remove"]:
        shelf.remove(image)
    for _place in range(added):
        shelf.add(article, least)
    edits.touch(article, media=True)
    return events.master_data(article, sorted(article.listings), "shelf") + documents


def _named(known: list[Image], name: str, body: dict[str, Any]) -> list[Image]:
    wanted = body.get(name, [])
    wanted = wanted if isinstance(wanted, list) else [wanted]
    by_id = {str(image.id): image for image in known}
    if strange := [key for key in wanted if str(key) not in by_id]:
        raise ValueError(f"{name}: the article has no image {strange[0]!r}")
    return [by_id[str(key)] for key in wanted]


def _texts(known: list[Image], body: dict[str, Any]) -> list[tuple[Image, str]]:
    """The images that get another alternative text, with the text."""
    texts = members(body.get("alt", {}))
    images = _named(known, "alt", {"alt": list(texts)})
    return [(image, str(text)) for image, text in zip(images, texts.values(), strict=True)]


def _of_document(image: Image, change: str) -> list[Event]:
    """One event for each share, with the reference that its app has given it."""
    references = [share.external_ref for share in image.shares if share.external_ref] or [None]
    return [(f"shelf-document.{change}",
             {"shelfDocumentId": image.id, **({"externalRef": one} if one else {})})
            for one in references]
