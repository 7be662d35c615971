"""Ids of REST answers as numbers, where that was chosen: their type is not documented."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, Response, request

from sandbox.erp.gate import BASE
from sandbox.erp.world import World


def install(app: Flask, world: World) -> None:
    @app.after_request
    def retype(response: Response) -> Response:
        if world.options.ids == "number" and response.is_json and (
                request.path.startswith(BASE + "/")):
            response.set_data(json.dumps(numbered(response.get_json())))
        return response


def numbered(value: Any) -> Any:
    """The same with every id of digits as a number; what apps keep (`custom`) stays as it is."""
    if isinstance(value, list):
        return [numbered(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: inner if key == "custom" else int(inner) if _is_id(key, inner)
            else numbered(inner) for key, inner in value.items()}


def _is_id(key: str, value: Any) -> bool:
    return (key == "id" or key.endswith("Id")) and isinstance(value, str) and value.isdigit()


