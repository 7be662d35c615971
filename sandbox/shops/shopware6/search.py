"""Search criteria: filters, sorting, paging; what the search routes and criteria deletes share.

Text is compared without regard to case, as the original's database does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import errors, values
from .render import PRODUCT_IDS, View, available_stock
from .schema import DEFAULT_CURRENCY, ENTITIES, Entity
from .store import Row, Store

MAX_LIMIT = 500
TOTAL_EXACT, TOTAL_NEXT_PAGES = 1, 2
NEXT_PAGES = 5  # mode 2 counts no further than this many pages

Predicate = Callable[[Row], bool]
Getter = Callable[[Row], list[Any]]


@dataclass(frozen=True)
class Criteria:
    """A checked search request."""

    ids: list[str] = field(default_factory=list)
    filters: list[Any] = field(default_factory=list)
    sorting: list[Any] = field(default_factory=list)
    limit: int = MAX_LIMIT
    page: int = 1
    total_mode: int = 0
    includes: Mapping[str, Any] = field(default_factory=dict)
    associations: Mapping[str, Any] = field(default_factory=dict)


def criteria_of(body: Mapping[str, Any]) -> Criteria:
    """Read a search body (or query). Raises ApiError."""
    limit = _positive(body.get("limit", MAX_LIMIT), "limit")
    if limit > MAX_LIMIT:
        raise errors.named(
            400, "FRAMEWORK__QUERY_LIMIT_EXCEEDED",
            f"The limit must be lower than or equal to MAX_LIMIT(={MAX_LIMIT}). Given: {limit}",
            {"maxLimit": MAX_LIMIT, "limit": limit}, pointer="/limit")
    ids = body.get("ids") or []
    if isinstance(ids, str):
        ids = ids.split("|")
    includes = {name: [one for one in _entries(wanted) if isinstance(one, str)]
                for name, wanted in _mapping(body.get("includes")).items()}
    mode = body.get("total-count-mode", 0)
    return Criteria(
        ids=[one for one in _entries(ids) if isinstance(one, str)],
        filters=[*_entries(body.get("filter")), *_entries(body.get("post-filter"))],
        sorting=_entries(body.get("sort")), limit=limit,
        page=_positive(body.get("page", 1), "page"),
        total_mode=int(mode) if str(mode) in {"0", "1", "2"} else 0,
        includes=includes, associations=_mapping(body.get("associations")))


def find(view: View, entity: Entity, criteria: Criteria) -> tuple[list[Row], int]:
    """The rows of one page and the total as the count mode tells it."""
    if entity.name == "product" and not criteria.ids and view.store.index.lag_s > 0:
        rows = _as_indexed(view, entity, criteria.filters)
    else:
        rows = matching(view, entity, criteria.filters, criteria.ids)
    rows = _sorted(view, entity, rows, criteria)
    start = (criteria.page - 1) * criteria.limit
    page = rows[start:start + criteria.limit]
    if criteria.total_mode == TOTAL_EXACT:
        return page, len(rows)
    if criteria.total_mode == TOTAL_NEXT_PAGES:
        return page, min(len(rows), start + criteria.limit * NEXT_PAGES + 1)
    return page, len(page)


def matching(view: View, entity: Entity, filters: list[Any], ids: Iterable[str] = ()) -> list[Row]:
    """All rows that every filter lets through. Raises ApiError for what cannot be filtered by."""
    predicates = [_predicate(view, entity, one) for one in filters]
    rows = _candidates(view.store, entity, filters, list(ids))
    if not view.inherits:
        return [row for row in rows if all(test(row) for test in predicates)]
    return [row for row in rows
            if all(test(shown) for shown in [view.effective(entity, row)] for test in predicates)]


def refined(view: View, entity: Entity, rows: list[Row], body: Mapping[str, Any]) -> list[Row]:
    """The rows of an association that its own criteria want, in their order. Raises ApiError."""
    criteria = criteria_of(body)
    predicates = [_predicate(view, entity, one) for one in criteria.filters]
    kept = [row for row in rows if all(test(row) for test in predicates)]
    kept = _sorted(view, entity, kept, criteria)
    return kept[:criteria.limit] if "limit" in body else kept


def _as_indexed(view: View, entity: Entity, filters: list[Any]) -> list[Row]:
    """The products that the filters let through as they are in an index that lags behind."""
    predicates = [_predicate(view, entity, one) for one in filters]
    return [row for row in view.store.table(entity.name).values()
            if (known := view.store.index.seen(row)) is not None
            and all(test(view.effective(entity, known)) for test in predicates)]


def _candidates(store: Store, entity: Entity, filters: list[Any], ids: list[str]) -> list[Row]:
    """Rows to test: by key where ids or numbers are asked for, else the whole table."""
    table = store.table(entity.name)
    if ids:
        return [table[one] for one in ids if one in table]
    for one in filters:
        if not isinstance(one, dict) or one.get("type") not in ("equals", "equalsAny"):
            continue
        wanted = _wanted(one) if one["type"] == "equalsAny" else [one.get("value")]
        texts = dict.fromkeys(value for value in wanted if isinstance(value, str))
        name = own_name(entity, str(one.get("field")))
        if name == "id":
            return [table[key] for key in texts if key in table]
        if name == "productNumber" and entity.name == "product":
            found = dict.fromkeys(store.product_id(number) for number in texts)
            return [table[key] for key in found if key is not None]
    return list(table.values())


def _sorted(view: View, entity: Entity, rows: list[Row], criteria: Criteria) -> list[Row]:
    for one in reversed(criteria.sorting):
        if isinstance(one, str):
            one = {"field": one.lstrip("-"), "order": "DESC" if one.startswith("-") else "ASC"}
        if not isinstance(one, dict):
            raise errors.named(400, "FRAMEWORK__INVALID_SORT_QUERY",
                               "A sorting is an object with a field.", pointer="/sort")
        read = _getter(view, entity, one.get("field"))
        is_down = str(one.get("order", "ASC")).upper() == "DESC"
        rows = sorted(rows, key=lambda row: _order(read(row)), reverse=is_down)
    return rows


def _order(found: list[Any]) -> tuple[bool, Any]:
    value = _folded(found[0]) if found else None
    return value is not None, value if value is not None else 0


def _predicate(view: View, entity: Entity, spec: Any) -> Predicate:
    kind = spec.get("type") if isinstance(spec, dict) else None
    if kind in ("multi", "not", "and", "or", "nand", "nor"):
        return _combined(view, entity, spec, kind)
    if kind not in _TESTS:
        raise errors.named(400, "FRAMEWORK__INVALID_FILTER_QUERY",
                           f'The filter type "{kind}" is not supported.', pointer="/filter")
    if spec.get("field") in (None, ""):
        raise errors.named(400, "FRAMEWORK__INVALID_FILTER_QUERY",
                           f'Parameter "field" for {kind} filter is missing.', pointer="/filter")
    read = _getter(view, entity, spec["field"])
    return _TESTS[kind](spec, read)


def _combined(view: View, entity: Entity, spec: Row, kind: str) -> Predicate:
    tests = [_predicate(view, entity, one) for one in _entries(spec.get("queries"))]
    operator = str(spec.get("operator", "and")).lower()
    operator = {"and": "and", "or": "or", "nand": "and", "nor": "or"}.get(kind, operator)
    if operator == "xor":
        def joined(row: Row) -> bool:
            return sum(test(row) for test in tests) == 1
    else:
        combine = any if operator == "or" else all

        def joined(row: Row) -> bool:
            return combine(test(row) for test in tests)
    if kind in ("not", "nand", "nor"):
        return lambda row: not joined(row)
    return joined


def _equals(spec: Row, read: Getter) -> Predicate:
    wanted = _folded(spec.get("value"))
    if wanted is None:
        return lambda row: all(value is None for value in read(row))
    return lambda row: any(_same(value, wanted) for value in read(row))


def _equals_any(spec: Row, read: Getter) -> Predicate:
    wanted = {_folded(value) for value in _wanted(spec)}
    return lambda row: any(_folded(value) in wanted for value in read(row))


def _texts_test(test: Callable[[str, str], bool]) -> Callable[[Row, Getter], Predicate]:
    def build(spec: Row, read: Getter) -> Predicate:
        wanted = str(spec.get("value") or "").casefold()
        return lambda row: any(isinstance(value, str) and test(value.casefold(), wanted)
                               for value in read(row))
    return build


def _range(spec: Row, read: Getter) -> Predicate:
    bounds = [(_BOUNDS[name], _folded(limit))
              for name, limit in _mapping(spec.get("parameters")).items() if name in _BOUNDS]

    def test(row: Row) -> bool:
        return any(value is not None and all(_compared(check, value, limit)
                                             for check, limit in bounds) for value in read(row))
    return test


def _compared(check: Callable[[Any, Any], bool], value: Any, limit: Any) -> bool:
    value = _folded(value)
    if not isinstance(value, str):
        limit = values.numeric(limit)
    elif not isinstance(limit, str):
        return False
    return limit is not None and check(value, limit)


def _same(value: Any, wanted: Any) -> bool:
    value = _folded(value)
    if isinstance(wanted, str) and not isinstance(value, (str, bool)):
        return value is not None and values.numeric(wanted) == value
    return value == wanted


_BOUNDS = {"gt": lambda a, b: a > b, "gte": lambda a, b: a >= b,
           "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b}
_TESTS = {"equals": _equals, "equalsAny": _equals_any, "range": _range,
          "contains": _texts_test(lambda value, wanted: wanted in value),
          "prefix": _texts_test(str.startswith), "suffix": _texts_test(str.endswith)}


def _getter(view: View, entity: Entity, path: Any) -> Getter:
    """Reads all values at a dotted path. Raises ApiError for a field that does not exist."""
    name, _, rest = own_name(entity, str(path)).partition(".")
    if name in entity.associations and rest:
        linked = target(entity, name)
        inner = _getter(view, linked, rest)
        return lambda row: [value for found in view.related(entity, row, name)[1]
                            for value in inner(found)]
    if name == "customFields" and rest:
        return lambda row: [(view.text(row, name) or {}).get(rest)]
    if name not in entity.names or name in entity.associations or rest:
        raise errors.named(400, "FRAMEWORK__UNMAPPED_FIELD",
                           f'Field "{path}" in entity "{entity.name}" was not found.',
                           {"field": str(path), "entity": entity.name})
    if name in entity.translated:
        return lambda row: [view.text(row, name)]
    if entity.fields.get(name) == "price":
        return lambda row: [entry["gross"] for entry in row.get(name) or ()
                            if entry["currencyId"] == DEFAULT_CURRENCY]
    if entity.name == "product" and name in PRODUCT_IDS:
        association = PRODUCT_IDS[name]
        return lambda row: [one["id"] for one in view.related(entity, row, association)[1]]
    if entity.name == "product" and name == "availableStock":
        return lambda row: [available_stock(view.store, row)]
    return lambda row: [row.get(name)]


def fields_of(criteria: Criteria) -> list[Any]:
    """The paths that filters and sortings name."""
    found, waiting = [], [*criteria.filters]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found += [one["field"]] if "field" in one else []
            waiting += _entries(one.get("queries"))
    sorted_by = [one.get("field") if isinstance(one, dict) else str(one).lstrip("-")
                 for one in criteria.sorting]
    return [*found, *sorted_by]


def target(entity: Entity, name: str) -> Entity:
    """The entity behind an association."""
    if name in entity.one:
        return ENTITIES[entity.foreign[entity.one[name]]]
    return ENTITIES[entity.many[name][0] if name in entity.many else entity.linked[name].entity]


def own_name(entity: Entity, path: str) -> str:
    """A path without the name of its entity, which may lead it."""
    return path.removeprefix(f"{entity.name}.")


def _wanted(spec: Row) -> list[Any]:
    value = spec.get("value")
    if isinstance(value, str):
        return value.split("|")
    return value if isinstance(value, list) else [value]


def _folded(value: Any) -> Any:
    """A value to compare: text without case, lists and maps by their looks."""
    if isinstance(value, (list, dict)):
        return repr(value)
    return value.casefold() if isinstance(value, str) else value


def _positive(value: Any, name: str) -> int:
    number = values.numeric(value)
    if number is None or number != int(number) or number < 1:
        raise errors.named(
            400, f"FRAMEWORK__INVALID_{name.upper()}_QUERY",
            f"The {name} must be a positive integer greater or equals than 1. Given: {value}",
            {name: value}, pointer=f"/{name}")
    return int(number)


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
