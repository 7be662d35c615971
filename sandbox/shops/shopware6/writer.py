"""Writes rows as one request asks: validation of every row first of all, then all or nothing.

A `Writer` lives for one request inside a store transaction. It applies as it goes, so that later
rows see earlier ones, and keeps what is wrong; `finish` raises, and the transaction rolls back.
Validation errors are reported together and before errors of the database (duplicate number, foreign
key), of which only the first is reported: the original stops at it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from . import errors, references, values
from .clock import stamp
from .errors import ApiError
from .schema import ENTITIES, PRODUCT_EXTENSION, SYSTEM_LANGUAGE, Entity
from .store import DuplicateNumber, Key, Row, Store

UNIQUE = {"custom_field": "name", "custom_field_set": "name"}
UNIQUE_PER_PRODUCT = {"product_visibility": "salesChannelId",
                      "product_warehouse": "warehouseId",
                      "product_configurator_setting": "optionId"}


class Writer:
    """One request's writes. `rejected` are (folded) product numbers that a test wants refused,
    `denied` the privileges that the client lacks, `has_warehouses` a plugin that it may have."""

    def __init__(self, store: Store, language: str, *, rejected: Iterable[str] = (),
                 denied: Iterable[str] = (), has_warehouses: bool = False) -> None:
        self._store, self._language, self._now = store, language, stamp()
        self._rejected, self._denied = set(rejected), set(denied)
        self._has_warehouses = has_warehouses
        self._missing_privileges: dict[str, None] = {}
        self.refused_numbers: set[str] = set()
        self._violations: values.Violations = []
        self._database_error: ApiError | None = None
        self._references: dict[tuple[str, str, str], None] = {}
        self.written: dict[str, dict[Any, None]] = {}
        self.deleted: dict[str, dict[Any, None]] = {}
        self.not_found: dict[str, list[Any]] = {}

    def finish(self) -> None:
        """Raise ApiError if anything was wrong with any row."""
        if self._violations:
            raise ApiError(400, self._violations)
        if self._missing_privileges:
            raise errors.missing_privileges(list(self._missing_privileges))
        if self._database_error is not None:
            raise self._database_error
        for table, name, value in self._references:
            target = ENTITIES[table].foreign[name]
            if self._store.get(target, value) is None:
                column = "".join("_" + c.lower() if c.isupper() else c for c in name)
                raise errors.foreign_key(table, column, target,
                                         references.on_delete(ENTITIES[table], name))

    def upsert(self, table: str, payload: Any, pointer: str, *, expect: str = "") -> Key | None:
        """Write one row with everything nested in it; its key, or None if it has no usable one."""
        entity = ENTITIES[table]
        if not isinstance(payload, dict):
            self._violations.append(errors.wrong_type(pointer, payload, "array"))
            return None
        key = self._key(entity, payload, pointer)
        if key is None:
            return None
        old = self._store.get(table, key)
        self._check_intent(entity, old, expect)
        before = len(self._violations)
        payload = self._with_parents(entity, key, payload, pointer)
        changes = self._changes(entity, old, payload, pointer)
        if changes.get("parentId") == key:
            self._violations.append(errors.own_parent(pointer, table, payload["parentId"]))
        if len(self._violations) == before:
            self._put(entity, key, old, changes)
        self._nested(entity, key, payload, pointer)
        if table == "product" and self._has_warehouses:
            self._nested(PRODUCT_EXTENSION, key, payload, pointer)
        return key

    def delete(self, table: str, payload: Any, pointer: str) -> None:
        """Remove one row and what depends on it; an unknown one is noted, it is no error."""
        entity = ENTITIES[table]
        key = self._key(entity, payload, pointer) if isinstance(payload, dict) else None
        if key is None:
            return
        if self._store.get(table, key) is None:
            self.not_found.setdefault(table, []).append(shown_key(entity, key))
            return
        self._check_privilege(entity, "delete")
        self._remove(entity, key)

    # Validation ------------------------------------------------------------------------------

    def _key(self, entity: Entity, payload: Row, pointer: str) -> Key | None:
        parts = []
        for name in entity.key:
            value = payload.get(name)
            if value is None and name == "id":
                value = uuid.uuid4().hex
            if not values.is_uuid(value):
                # The translation is checked first and calls the key by its own name.
                shown = entity.id_name if entity.translated and name == "id" else name
                self._violations.append(errors.bad_uuid(f"{pointer}/{shown}", value))
                return None
            parts.append(value)
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _check_intent(self, entity: Entity, old: Row | None, expect: str) -> None:
        actual = errors.UPDATE if old is not None else errors.INSERT
        if expect and expect != actual:
            raise errors.intent(entity.name, expect, actual)

    def _changes(self, entity: Entity, old: Row | None, payload: Row, pointer: str) -> Row:
        changes: Row = {}
        is_variant = (payload.get("parentId") or (old or {}).get("parentId")) is not None
        required = _required(entity, is_variant)
        for name, kind in entity.fields.items():
            if name in payload:
                value = values.checked(kind, payload[name], f"{pointer}/{name}", self._violations)
                changes[name] = self._kept(kind, name, value, old, f"{pointer}/{name}")
                is_blank = name in required and value in (None, "", [])
                if is_blank and payload[name] in (None, "", []):
                    self._violations.append(errors.blank(f"{pointer}/{name}", payload[name]))
            elif old is None and name in required:
                self._violations.append(errors.blank(f"{pointer}/{name}"))
        for name in entity.protected:
            if name in payload:
                self._violations.append(errors.violation(
                    f"{pointer}/{name}", errors.CONSTRAINT, "This field is write-protected."))
        if entity.translated:
            changes["translations"] = self._translations(entity, old, payload, pointer, required)
        if entity.name == "product":
            self._check_rejected(old, changes, pointer)
        return changes

    def _kept(self, kind: str, name: str, value: Any, old: Row | None, pointer: str) -> Any:
        """What a checked value becomes beside the one that is there."""
        if kind == "state" and old is not None:
            self._violations.append(errors.state_by_write(pointer))
        if name == "customFields" and isinstance(value, dict) and old is not None:
            return {**(old.get(name) or {}), **value}
        return value

    def _translations(self, entity: Entity, old: Row | None, payload: Row, pointer: str,
                      required: tuple[str, ...]) -> dict[str, Row]:
        """The row's texts by language, with those that the payload brings."""
        merged = dict((old or {}).get("translations") or {})
        sent = _sent_translations(entity, payload, self._language)
        for code, texts in sent.items():
            language = self._language_id(entity, code)
            where = f"{pointer}/translations/{language}"
            new = dict(merged.get(language) or {})
            for name, value in texts.items():
                value = values.checked(entity.translated[name], value, f"{where}/{name}",
                                       self._violations)
                if name == "customFields" and isinstance(value, dict):
                    value = {**(new.get(name) or {}), **value}
                new[name] = value
            merged[language] = new
        default, sent_default = merged.get(SYSTEM_LANGUAGE) or {}, sent.get(SYSTEM_LANGUAGE, {})
        for name in entity.translated:
            is_due = name in required and (old is None or name in sent_default)
            if is_due and default.get(name) in (None, ""):
                self._violations.append(errors.blank(
                    f"{pointer}/translations/{SYSTEM_LANGUAGE}/{name}", default.get(name)))
        return merged

    def _language_id(self, entity: Entity, code: str) -> str:
        """A language by id, or by locale code as `translations` may be keyed."""
        if self._store.get("language", code) is not None:
            return code
        for language in self._store.table("language").values():
            locale = self._store.get("locale", language.get("localeId"))
            if locale is not None and locale["code"] == code:
                return language["id"]
        self._database_error = self._database_error or errors.foreign_key(
            f"{entity.name}_translation", "language_id", "language")
        return code

    def _check_rejected(self, old: Row | None, changes: Row, pointer: str) -> None:
        number = changes.get("productNumber") or (old or {}).get("productNumber")
        if isinstance(number, str) and number.casefold() in self._rejected:
            self.refused_numbers.add(number.casefold())
            self._violations.append(errors.violation(
                f"{pointer}/productNumber", errors.CONSTRAINT,
                "This number is refused by the shop."))

    # Writing ---------------------------------------------------------------------------------

    def _put(self, entity: Entity, key: Key, old: Row | None, changes: Row) -> None:
        if old is None:
            # A variant starts with nothing: what it does not bring, it inherits.
            defaults = {} if _is_variant(entity, changes) else entity.defaults
            row = {**defaults, **changes, "createdAt": self._now, "updatedAt": None}
            row["autoIncrement"] = self._store.next_serial()
            if entity.key == ("id",):
                row["id"] = key
            else:
                row.update(zip(entity.key, key, strict=True))
        else:
            row = {**old, **changes}
        if old is not None or entity.name == "product":
            row["updatedAt"] = self._now  # indexing touches a product right after its creation
        self._check_privilege(entity, "create" if old is None else "update")
        self._check_unique(entity, key, row)
        try:
            self._store.put(entity.name, key, row)
        except DuplicateNumber as duplicate:
            self._database_error = self._database_error or errors.duplicate_number(str(duplicate))
            return
        for name in entity.foreign:
            if (changes.get(name) if entity.key == ("id",) else row.get(name)) is not None:
                self._references[entity.name, name, row[name]] = None
        self._note_written(entity, key, old, row)

    def _check_privilege(self, entity: Entity, action: str) -> None:
        if f"{entity.name}:{action}" in self._denied:
            self._missing_privileges[f"{entity.name}:{action}"] = None

    def _check_unique(self, entity: Entity, key: Key, row: Row) -> None:
        """One row per name, or per product and channel (or option): ids are the client's."""
        name = UNIQUE_PER_PRODUCT.get(entity.name) or UNIQUE.get(entity.name)
        if name is None:
            return
        others = self._store.table(entity.name).values() if entity.name in UNIQUE else (
            self._store.children(entity.name, "productId", row["productId"]))
        for other in others:
            if other["id"] != key and other[name] == row[name]:
                self._database_error = self._database_error or errors.duplicate_row(entity.name)

    def _note_written(self, entity: Entity, key: Key, old: Row | None, row: Row) -> None:
        self.written.setdefault(entity.name, {})[key] = None
        if entity.translated:
            rows = self.written.setdefault(f"{entity.name}_translation", {})
            # The translation counts as written even if only the stock was sent.
            rows[entity.id_name, key, self._language] = None
            before = (old or {}).get("translations") or {}
            for language, texts in row["translations"].items():
                if before.get(language) is not texts:
                    rows[entity.id_name, key, language] = None

    def _with_parents(self, entity: Entity, key: Key, payload: Row, pointer: str) -> Row:
        """The payload with nested single rows (manufacturer, cover) written and referred to."""
        for name, foreign in entity.one.items():
            nested = payload.get(name)
            if not isinstance(nested, dict):
                continue
            target = ENTITIES[entity.foreign[foreign]]
            if target.name == "product_media" and entity.name == "product":
                nested = {**nested, "productId": key}
            if set(nested) == {"id"}:
                nested_key = nested["id"]
            else:
                nested_key = self.upsert(target.name, nested, f"{pointer}/{name}")
            payload = {**payload, foreign: nested_key}
        return payload

    def _nested(self, entity: Entity, key: Key, payload: Row, pointer: str) -> None:
        """Write the lists nested in a payload. They add and update, they never remove."""
        for name, (table, foreign) in entity.many.items():
            for index, nested in enumerate(_list(payload.get(name))):
                where = f"{pointer}/{name}/{index}"
                if isinstance(nested, dict):
                    nested = {**nested, foreign: key}
                self.upsert(table, nested, where)
        for name, link in entity.linked.items():
            for index, nested in enumerate(_list(payload.get(name))):
                where, other = f"{pointer}/{name}/{index}", None
                if isinstance(nested, dict):
                    other = nested.get("id")
                    if set(nested) != {"id"}:
                        other = self.upsert(link.entity, nested, where)
                self.upsert(link.table, {link.own: key, link.other: other}, where)

    def _remove(self, entity: Entity, key: Key) -> None:
        for table, name in references.DEPENDENTS[entity.name]:
            keys = self._store.child_keys(table, name, key) if isinstance(key, str) else []
            for child in keys:
                self._loosen(ENTITIES[table], name, child, entity)
        row = self._store.get(entity.name, key)
        if row is None:
            return
        self._store.remove(entity.name, key)
        self.deleted.setdefault(entity.name, {})[key] = None
        if entity.translated:
            rows = self.deleted.setdefault(f"{entity.name}_translation", {})
            for language in row["translations"]:
                rows[entity.id_name, key, language] = None

    def _loosen(self, child: Entity, name: str, key: Key, parent: Entity) -> None:
        """What happens to a row whose parent goes: it goes too, stays without, or forbids it."""
        fate = references.on_delete(child, name)
        if fate == references.CASCADE:
            self._remove(child, key)
        elif fate == references.RESTRICT:
            self._database_error = self._database_error or errors.named(
                409, "FRAMEWORK__DELETE_RESTRICTED",
                f"The {parent.name} is still used by {child.name}.", {"entity": parent.name})
        elif (row := self._store.get(child.name, key)) is not None:
            self._store.put(child.name, key, {**row, name: None})


def shown_key(entity: Entity | None, key: Any) -> Any:
    """A row's key as answers list it: a text, or its parts by name."""
    if entity is None:  # a translation: name of the owner's key, owner, language
        return {key[0]: key[1], "languageId": key[2]}
    return key if isinstance(key, str) else dict(zip(entity.key, key, strict=True))


def _is_variant(entity: Entity, row: Row) -> bool:
    return entity.name == "product" and row.get("parentId") is not None


def _required(entity: Entity, is_variant: bool) -> tuple[str, ...]:
    if entity.name == "product" and is_variant:
        return ("productNumber", "stock")  # the rest is inherited
    return entity.required


def _sent_translations(entity: Entity, payload: Row, language: str) -> dict[str, Row]:
    sent: dict[str, Row] = {}
    plain = {name: payload[name] for name in entity.translated if name in payload}
    if plain:
        sent[language] = plain
    given = payload.get("translations")
    if isinstance(given, list):
        given = {entry["languageId"]: entry for entry in given
                 if isinstance(entry, dict) and isinstance(entry.get("languageId"), str)}
    for code, texts in (given if isinstance(given, dict) else {}).items():
        if not isinstance(texts, dict):
            continue
        known = {name: texts[name] for name in entity.translated if name in texts}
        sent[code] = {**known, **sent.get(code, {})}
    return sent


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
