"""REST reads of the media shelf (DMS), its shares, and the public addresses of what is shared."""

from __future__ import annotations

import threading
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from sandbox.erp.errors import invalid, not_found
from sandbox.erp.shelf import Image, Share
from sandbox.erp.world import World, current_tenant, sent_object

AVAILABILITIES = ("UNLIMITED", "ONE_TIME_USE")
DMS = "/api/vario/dms"
RESOURCE = f"{DMS}/resources/<int:resource_id>"


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("dms", __name__)
    _reads(routes, world)
    _files(routes, world)
    _shares(routes, world)
    _public(routes, world)
    return routes


def _reads(routes: Blueprint, world: World) -> None:
    @routes.get(DMS + "/attributions")
    def attributions() -> Response:
        return jsonify([_attribution(one, world) for one in _referred(world)])

    @routes.get(DMS + "/resources/byRef")
    def by_reference() -> Response:
        return jsonify([_resource(one, world) for one in _referred(world)])

    @routes.get(RESOURCE)
    def resource(resource_id: int) -> Any:
        return _resource(_image(resource_id), world)


    @routes.get(DMS + "/resources/<uuid>/fileUUID")
    def by_uuid(uuid: str) -> Any:
        found = current_tenant().shelf.by_uuid(uuid)
        if found is None:
            raise not_found(f"The resource {uuid}")
        return _resource(found, world)


def _referred(world: World) -> list[Image]:
    """The images of the article that the query names; none under another name of its kind."""
    tenant, reference = current_tenant(), request.args.get("refId", type=int)
    if reference is None or "refType" not in request.args:
        raise invalid("refType and refId are required.")
    article = tenant.articles.get(reference)
    if request.args["refType"] != world.options.dms_ref_type or article is None:
        return []
    with tenant.lock:
        return tenant.shelf.images(article)


def _image(resource_id: int) -> Image:
    found = current_tenant().shelf.image(resource_id)
    if found is None:
        raise not_found(f"The resource {resource_id}")
    return found


def _attribution(image: Image, world: World) -> dict[str, Any]:
    return {"id": str(image.attribution), "shelfResourceId": str(image.id),
            "refType": world.options.dms_ref_type, "refId": str(image.article.id),
            "purpose": "IMAGE", "publish": image.publish, "mainAttribution": True,
            "uiSort": image.sort, "uiFavorite": image.favourite, "uiComment": None,
            "transformationKeys": []}


def _resource(image: Image, world: World) -> dict[str, Any]:
    return {
        "id": str(image.id), "externalId": image.uuid, "alias": None,
        "description": image.file_name, "type": {"key": "IMAGE", "label": "Bild"},
        "state": "FILE_ATTACHED", "deletionState": "NOT_YET", "tags": [],
        "file": {"publicFileName": image.file_name, "publicFileExtension": "png",
                 "contentType": "image/png", "fileSize": len(image.content()),
                 "revisionNumber": image.revision, "storageHandle": image.uuid},
        "shares": [_share(image, one, world) for one in image.shares],
        "translatableTexts": [{"languageCode": "de", "alternativeText": image.alternative,
                               "metaTitle": None}],
    }


def _files(routes: Blueprint, world: World) -> None:
    @routes.get(RESOURCE + "/file")
    def file(resource_id: int) -> Response:
        image, tenant = _image(resource_id), current_tenant()
        if world.options.file_answer == "bytes":
            return _content(image)
        with tenant.lock:
            once = tenant.shelf.share(image, "ONE_TIME_USE", 5, None, {})
        url = f"{world.url}{world.options.share_prefix}/public/dms/{once.public_id}"
        if world.options.file_answer == "redirect":
            return Response(status=303, headers={"Location": url})
        answer = jsonify(url=url)
        answer.status_code = 201
        return answer


def _content(image: Image) -> Response:
    answer = Response(image.content(), content_type="image/png")
    answer.set_etag(image.etag())
    return answer.make_conditional(request)


def _shares(routes: Blueprint, world: World) -> None:
    @routes.get(RESOURCE + "/shares")
    def shares(resource_id: int) -> Response:
        image = _image(resource_id)
        return jsonify([_share(image, one, world) for one in image.shares])

    @routes.post(RESOURCE + "/shares")
    def share(resource_id: int) -> Any:
        image, body, tenant = _image(resource_id), sent_object(), current_tenant()
        availability = body.get("availability", AVAILABILITIES[0])
        if availability not in AVAILABILITIES:
            raise invalid(f"availability is one of {', '.join(AVAILABILITIES)}.")
        with tenant.lock:
            made = tenant.shelf.share(image, availability, body.get("publicUrlDurationInMinutes"),
                                      body.get("sharedByExternalRef"), body.get("custom") or {})
        return _share(image, made, world)

    @routes.route(RESOURCE + "/shares/<int:share_id>", methods=["GET", "DELETE"])
    def one_share(resource_id: int, share_id: int) -> Any:
        image, tenant = _image(resource_id), current_tenant()
        found = next((one for one in image.shares if one.id == share_id), None)
        if found is None:
            raise not_found(f"The share {share_id}")
        if request.method == "GET":
            return _share(image, found, world)
        with tenant.lock:
            tenant.shelf.unshare(image, found)
        return Response(status=200)


def _share(image: Image, share: Share, world: World) -> dict[str, Any]:
    return {"id": str(share.id), "publicUrlPath": f"/public/dms/{share.public_id}",
            "availability": share.availability, "publicUrlDurationInMinutes": share.minutes,
            "publishState": "SYNCED", "sharedByExternalRef": share.external_ref,
            "appId": world.tokens.app_identifier, "eTag": image.etag(),
            "revision": image.revision, "custom": share.custom}


def _public(routes: Blueprint, world: World) -> None:
    """What is shared, without a token, below one of two prefixes: which is not documented."""
    using = threading.Lock()

    def public(public_id: str) -> Response:
        prefix = request.path.removesuffix(f"/public/dms/{public_id}")
        found = world.tenants.shared(public_id)
        if prefix != world.options.share_prefix or found is None:
            abort(404)
        image, share = found
        with using:
            if share.availability == "ONE_TIME_USE" and share.used:
                abort(404)
            share.used = True
        return _content(image)

    for prefix in ("", "/api/vario"):
        routes.add_url_rule(f"{prefix}/public/dms/<public_id>", f"public{prefix}".replace("/", "_"),
                            public)
