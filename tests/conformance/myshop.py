"""MyShop, the made-up shop of docs/connectors.md: products by id, in memory."""

from __future__ import annotations

from typing import Any

import flask

KEY = "the-key-of-the-shop"

Row = dict[str, Any]


class MyShop:
    """`products` by id, `writes` the requests, `refused` numbers and ids that it does not want."""

    def __init__(self) -> None:
        self.products: dict[str, Row] = {}
        self.writes: list[list[Row]] = []
        self.refused: set[str] = set()

    def app(self) -> flask.Flask:
        app = flask.Flask("myshop")
        app.before_request(refuse_strangers)
        app.get("/key")(lambda: {"may_write": True})
        app.get("/products")(self.shown)
        app.post("/rows")(self.written)
        return app

    def shown(self) -> dict[str, list[Row]]:
        """All products by id, or those with the `numbers` that are asked for."""
        wanted = flask.request.args.get("numbers")
        numbers = None if wanted is None else wanted.split(",")
        chosen = [
            {**one, "id": product_id}
            for product_id, one in sorted(self.products.items())
            if numbers is None or one["number"] in numbers
        ]
        return {"products": chosen}

    def written(self) -> Any:
        """For each row ``ok`` or what is wrong with it, and the product as it is now."""
        rows = flask.request.get_json()
        if not isinstance(rows, list):
            return {"message": "rows are a list"}, 400
        self.writes.append(rows)
        return {row["id"]: self.write(**row) for row in rows}

    def write(self, id: str, only: str = "", **values: Any) -> Row:
        if only == "change" and id not in self.products:
            return {"says": "no such product"}
        if (trouble := self._trouble(id, values)) is not None:
            return {"says": trouble}
        self.products.setdefault(id, {}).update(values)
        return {"says": "ok", "product": self.products[id]}

    def _trouble(self, product_id: str, values: Row) -> str | None:
        number = values.get("number")
        if self.refused & {product_id, number}:
            return "this number is not wanted here"
        if product_id not in self.products and number is None:
            return "no such product"
        owners = [own for own, one in self.products.items() if one["number"] == number]
        if owners not in ([], [product_id]):
            return "number taken"
        if not isinstance(values.get("name", ""), str):
            return "name: a text is needed"
        return None


def refuse_strangers() -> tuple[str, int] | None:
    return None if flask.request.headers.get("X-Key") == KEY else ("who are you?", 401)


def create_app() -> flask.Flask:
    """A shop without products, for `flask --app myshop run`."""
    return MyShop().app()
