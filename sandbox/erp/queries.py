"""Computed queries over HTTP: VQL statements, structured queries and the discovery of columns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.erp.errors import invalid, not_found
from sandbox.erp.vql import sources
from sandbox.erp.vql.attested import check_attested
from sandbox.erp.vql.engine import AGGREGATES, execute
from sandbox.erp.vql.joins import joined
from sandbox.erp.vql.parts import Answer, Field, Paging, Source
from sandbox.erp.vql.syntax import (
    And,
    Between,
    Column,
    Compare,
    Expression,
    In,
    IsNull,
    Not,
    Or,
    OrderKey,
    Select,
    VqlError,
    parse,
)
from sandbox.erp.world import World, current_tenant, sent_object

DATA_TYPES = {"id": "LONG", "number": "DECIMAL", "bool": "BOOLEAN", "time": "DATE_TIME",
              "text": "TEXT", "custom": "TEXT"}
_ENTITIES = {"article": "article.query", "articleListing": "article.shopListing",
             "salesChannel": "sales-channel.salesChannels",
             "document": "document.querySalesDocuments"}
_EVERYTHING = Paging(default=sys.maxsize // 2, most=sys.maxsize // 2)
_BORDERS = {"exact": 0, "repeat": -1, "skip": 1}
JS_TYPES = {"id": "number", "number": "number", "bool": "boolean"}


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("queries", __name__, url_prefix="/api/vario/cmn/computed-queries")

    @routes.post("/execute")
    def run() -> Response:
        body = sent_object()
        statement = body.get("statement")
        if not isinstance(statement, str):
            raise invalid("statement is required.")
        limit = _whole(body, "limit") or None
        offset = _whole(body, "offset")
        try:
            select = parse(statement)
            answer = _answered(world, select, limit, offset)
        except VqlError as error:
            raise invalid(str(error)) from None
        return _response(world, answer, offset)

    @routes.post("/<group>/<template>")
    def structured(group: str, template: str) -> Response:
        body = sent_object()
        pageable = body.get("pageable") or (body.get("adhocPreset") or {}).get("pageable") or {}
        limit, offset = _whole(pageable, "limit") or None, _whole(pageable, "start")
        try:
            select = _structured(f"{group}.{template}", body.get("adhocPreset") or {}, pageable)
            answer = _answered(world, select, limit, offset)
        except VqlError as error:
            raise invalid(str(error)) from None
        return _response(world, answer, offset)

    @routes.get("/<group>/<template>/fields")
    def fields(group: str, template: str) -> Response:
        return jsonify(_offered(world, f"{group}.{template}"))

    @routes.get("/fields")
    def entity_fields() -> Response:
        name = _ENTITIES.get(request.args.get("entityIdentifier", ""))
        if name is None:
            raise not_found("The entity")
        return jsonify([{"entityIdentifier": request.args["entityIdentifier"],
                         "attributes": _offered(world, name)}])

    @routes.get("/dialect-info")
    def dialect() -> dict[str, Any]:
        return {"dataTypes": [{"identifier": name} for name in sorted(set(DATA_TYPES.values()))],
                "functions": [{"identifier": name, "aggregate": True} for name in AGGREGATES]}

    @routes.get("")
    def groups() -> Response:
        return jsonify(sorted({name.split(".")[0] for name in sources.names()}))

    @routes.get("/<group>")
    def templates(group: str) -> Response:
        found = [name.split(".")[1] for name in sources.names() if name.startswith(group + ".")]
        if not found:
            raise not_found(f"The group {group}")
        return jsonify(found)

    return routes


def _offered(world: World, name: str) -> list[dict[str, Any]]:
    """All columns of a source, with those of the custom field groups that exist."""
    try:
        source = sources.source(name, current_tenant(), world.options)
    except VqlError as error:
        raise not_found(str(error).removesuffix(" does not exist.")) from None
    columns = [(Column(path), known) for path, known in source.fields.items()]
    columns += [(Column(known.path), known) for known in _custom_fields(source.dynamic)]
    return [describe(column, known) for column, known in columns]


def _source(world: World, select: Select) -> Source:
    """The source of a statement, with what it joins."""
    source = sources.source(select.source, current_tenant(), world.options)
    for join in select.joins:
        inner = execute(join.select, _source(world, join.select), paging=_EVERYTHING)
        source = joined(source, join, inner)
    return source


def _answered(world: World, select: Select, limit: int | None, offset: int) -> Answer:
    options = world.options
    source = _source(world, select)
    if options.vql_grammar == "attested":
        check_attested(select)
    paging = Paging(options.vql_limit, options.vql_most, options.vql_over_limit == "422",
                    options.vql_window == "body", _BORDERS[options.vql_pages])
    return execute(select, source, limit, offset, paging)


def _response(world: World, answer: Answer, offset: int) -> Response:
    names = [column.attribute for column, _known in answer.columns]
    as_text = _ids(answer.columns) if world.options.ids == "text" else frozenset()
    rows = [_row(zip(names, values, strict=True), world.null_is_sent, as_text)
            for values in answer.rows]
    definition = [describe(column, known) for column, known in answer.columns]
    response = jsonify({"definition": definition, "data": rows})
    response.headers["x-query-more-elements"] = str(answer.next_offset is not None).lower()
    if answer.next_offset is not None:
        response.headers["x-query-next-offset"] = str(answer.next_offset)
    return response


def _ids(columns: Iterable[tuple[Column, Field | None]]) -> frozenset[str]:
    """The names of the columns that hold ids."""
    return frozenset(
        name for column, known in columns if known is not None
        for name in ({column.attribute} if known.kind == "id" else _ids(known.inner)))


def _row(named: Iterable[tuple[str, Any]], null_is_sent: Callable[[], bool],
         as_text: frozenset[str]) -> dict[str, Any]:
    row = {}
    for name, value in named:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            row[name] = [_row(one.items(), null_is_sent, as_text) for one in value]
        elif value is not None:
            row[name] = str(value) if name in as_text else plain(value)
        elif null_is_sent():
            row[name] = None
    return row


def plain(value: Any) -> Any:
    """A value as JSON has it: decimals as numbers, moments as ISO text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, datetime) else value


def describe(column: Column, known: Field | None) -> dict[str, Any]:
    if known is not None and known.kind == "meta":
        return {"_type": "meta", "definition": {"path": known.path, "displayName": known.path},
                "value": [describe(*one) for one in known.inner]}
    kind = "number" if known is None else known.kind
    data_type = DATA_TYPES[kind]
    return {
        "_type": "attribute", "attribute": column.attribute, "path": column.path,
        "key": column.attribute, "displayName": column.display_name or column.attribute,
        "visible": column.visible, "sortable": True, "filterable": True, "resultable": True,
        "dataTypeIdentifier": data_type,
        "dataType": {"identifier": data_type, "jsType": JS_TYPES.get(kind, "string")},
    }


def _custom_fields(dynamic: Callable[[str], Field | None]) -> list[Field]:
    """The columns of the custom field groups that exist, as far as the source offers them."""
    paths = [f"listings.custom.{name}" for name in sorted(current_tenant().custom_fields())]
    paths += [path.removeprefix("listings.") for path in paths]
    return [known for path in paths if (known := dynamic(path)) is not None]


def _whole(body: dict[str, Any], name: str) -> int:
    value = body.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise invalid(f"{name} is a whole number.")
    return value


# --- structured queries --------------------------------------------------------------------------

_COMPARISONS = {"EQUALS": "=", "NOT_EQUALS": "!=", "GREATER_THAN": ">", "GREATER_THAN_EQUALS": ">=",
                "LESS_THAN": "<", "LESS_THAN_EQUALS": "<=", "LIKE": "LIKE"}
_PATTERNS = {"STARTS_WITH": "{}%", "ENDS_WITH": "%{}", "CONTAINS": "%{}%"}


def _structured(source: str, preset: dict[str, Any], pageable: dict[str, Any]) -> Select:
    results = preset.get("results") or []
    columns = tuple(Column(str(result.get("property"))) for result in results) or (Column("*"),)
    predicate = preset.get("queryPredicate")
    order = tuple(
        OrderKey(str(key.get("property")), str(key.get("direction", "ASC")).upper() == "DESC")
        for key in pageable.get("sortOrders") or ())
    return Select(columns, source, where=_predicate(predicate) if predicate else None, order=order)


def _predicate(node: dict[str, Any]) -> Expression:
    operator = str(node.get("operator", "")).upper()
    if node.get("type") == "JUNCTION":
        terms = tuple(_predicate(child) for child in node.get("children") or ())
        if not terms or operator not in ("AND", "OR"):
            raise VqlError(f"A junction {operator or 'without operator'} needs children.")
        return And(terms) if operator == "AND" else Or(terms)
    path = str(node.get("property"))
    values = tuple(str(value) for value in node.get("values") or ())
    if operator.startswith("NOT_") and operator not in _COMPARISONS:
        return Not(_filter(operator.removeprefix("NOT_"), path, values))
    return _filter(operator, path, values)


def _filter(operator: str, path: str, values: tuple[str, ...]) -> Expression:
    if operator == "IS_NULL":
        return IsNull(path)
    if operator == "IS_NOT_NULL":
        return Not(IsNull(path))
    if not values:
        raise VqlError(f"The operator {operator} needs values.")
    if operator == "IN":
        return In(path, values)
    if operator == "RANGE" and len(values) == 2:
        return Between(path, *values)
    if operator == "IS_NULL_OR_EQUALS":
        return Or((IsNull(path), Compare(path, "=", values[0])))
    if operator in _PATTERNS:
        return Compare(path, "LIKE", _PATTERNS[operator].format(values[0]))
    if operator in _COMPARISONS:
        return Compare(path, _COMPARISONS[operator], values[0])
    raise VqlError(f"The operator {operator} does not exist.")
