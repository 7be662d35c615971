"""Order statuses without Celery: a Relay to a sandboxed Shopware, with orders on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import requests
from sqlalchemy import select, update

from integration import work_outcomes
from integration.channels import set_parameter
from integration.clock import db_now
from integration.models import Fulfilment, SalesChannel, WorkItem
from integration.topics.order_status import AWAITS_TRACKING
from integration.topology import Topic
from integration.work_items import hint
from tests.integration.relay import Relay


class Orders(Relay):
    """The channel's shop is a Shopware; two of its products are articles of the ERP."""

    def __init__(
        self, database_url: str, erp_url: str, shop_url: str, credentials: dict[str, str]
    ) -> None:
        super().__init__(database_url, erp_url)
        self.shop_url = shop_url
        self.runtime.settings = replace(self.runtime.settings, erp_budget=(30_000, 6.0))
        self.erp("options", rate_limit=30_000)
        with self.runtime.scope() as session:
            session.get_one(SalesChannel, self.channel_id).platform = "shopware6"
            for key, value in {**credentials, "shop_url": shop_url}.items():
                vault = self.runtime.vault if key == "client_secret" else None
                set_parameter(session, self.channel_id, key, value, vault)
        self.article_ids = [one["id"] for one in self.for_sale()[:2]]
        self.admin("products", products=[{"number": f"P{one}"} for one in self.article_ids])

    def set(self, **values: str) -> None:
        with self.runtime.scope() as session:
            for key, value in values.items():
                set_parameter(session, self.channel_id, key, value, None)

    def admin(self, route: str, /, **body: Any) -> Any:
        """POST to the sandboxed shop's own routes."""
        answer = requests.post(f"{self.shop_url}/_sandbox/{route}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def order(self, number: str, *, channel: int = 42, in_shop: bool = True) -> dict[str, Any]:
        """An order of 2 and 1 pieces, in the shop and imported into the ERP."""
        if in_shop:
            lines = [
                {"article": f"P{one}", "quantity": quantity}
                for one, quantity in zip(self.article_ids, (2, 1), strict=True)
            ]
            self.admin("orders", orders=[{"number": number, "lines": lines, "shipping": 4.9}])
        lines = [
            {"article": one, "quantity": quantity}
            for one, quantity in zip(self.article_ids, (2, 1), strict=True)
        ]
        made: dict[str, Any] = self.erp("order", channel=channel, reference=number, lines=lines)
        return made

    def ship(self, order: dict[str, Any], first: int | None = None, **more: Any) -> dict[str, Any]:
        """Deliver all of an order, or `first` pieces of its first article; with its events."""
        if first is not None:
            more["lines"] = [{"article": self.article_ids[0], "quantity": first}]
        shipped: dict[str, Any] = self.erp("ship", order=order["document"], **more)
        self.hint_documents(shipped["document"])
        if more.get("complete", True):
            self.hint_documents(f"shipment:{shipped['shipment']}")
        return shipped

    def label(self, shipped: dict[str, Any], parcel: int = 0) -> str:
        """Print the label of one parcel; its tracking number."""
        identifier = shipped["parcels"][parcel]["parcel"]
        printed = self.erp("parcel", parcel=identifier)
        self.hint_documents(f"shipment:{shipped['shipment']}")
        number: str = next(
            one["tracking"] for one in printed["parcels"] if one["parcel"] == identifier
        )
        return number

    def cancel(self, document: dict[str, Any], **more: Any) -> None:
        self.erp("cancel", document=document["document"], **more)
        self.hint_documents(document["document"])

    def hint_documents(self, *entity_ids: Any) -> None:
        with self.runtime.scope() as session:
            ids = [str(one) for one in entity_ids]
            hint(session, self.channel_id, Topic.ORDER_STATUS, ids)

    def item(self, entity_id: Any) -> WorkItem:
        return self.row(Topic.ORDER_STATUS, {"id": str(entity_id)})

    def record(self, document: dict[str, Any]) -> Fulfilment:
        with self.runtime.scope() as session:
            return session.scalars(
                select(Fulfilment).where(Fulfilment.document_id == str(document["document"]))
            ).one()

    def time_passes(self, seconds: float) -> None:
        """Let the time pass that deliveries wait for their numbers, and the sweep see it."""
        with self.runtime.scope() as session:
            session.execute(
                update(WorkItem)
                .where(WorkItem.hold_reason == AWAITS_TRACKING)
                .values(due_at=db_now(1.0 if seconds < 3_600 else -1.0))
            )
            session.execute(update(Fulfilment).values(first_seen_at=db_now(-seconds)))
            work_outcomes.release_awaited(session, AWAITS_TRACKING)

    def shop_order(self, number: str) -> dict[str, Any]:
        answer = requests.get(
            f"{self.shop_url}/_sandbox/orders", params={"number": number}, timeout=30
        )
        order: dict[str, Any] = answer.json()["orders"][0]
        return order

    def shop_orders(self) -> list[dict[str, Any]]:
        orders: list[dict[str, Any]] = requests.get(
            f"{self.shop_url}/_sandbox/orders", timeout=30
        ).json()["orders"]
        return orders

    def delivery(self, number: str) -> tuple[str, list[str]]:
        """State and tracking numbers of the order's delivery in the shop."""
        shown = self.shop_order(number)["deliveries"][0]
        return shown["state"], shown["tracking_codes"]

    def steps(self, number: str) -> list[str]:
        """Every step the shop was asked for, in order."""
        writes = self.shop_order(number)["writes"]
        return [one["action"] for one in writes if one["action"] != "upsert"]

    def shop_writes(self) -> int:
        """Requests that write into the shop."""
        routes = requests.get(f"{self.shop_url}/_sandbox/requests", timeout=30).json()["by_route"]
        return sum(
            number
            for route, number in routes.items()
            if "_action" in route and not route.startswith("GET ")
        )

    def as_employee(self, entity: str, row: dict[str, Any]) -> None:
        """A change that somebody makes with the shop's API."""
        self._shop_api("PATCH", f"{entity.replace('_', '-')}/{row['id']}", row)

    def step_in_shop(self, number: str, action: str) -> None:
        delivery = self.shop_order(number)["deliveries"][0]["id"]
        self._shop_api("POST", f"_action/order_delivery/{delivery}/state/{action}", {})

    def shipping_method(self, technical_name: str) -> str:
        rows = self._shop_api("POST", "search/shipping-method", {}).json()["data"]
        return str(next(one["id"] for one in rows if one["technicalName"] == technical_name))

    def address(self, document: dict[str, Any], text: str) -> None:
        """Something about the customer in a document of the ERP."""
        client = self.runtime.erp(self.tenant_id)
        client.patch(f"/erp/documents/{document['document']}", {"custom": {"shop": {"to": text}}})

    def _shop_api(self, method: str, path: str, body: dict[str, Any]) -> requests.Response:
        channel = self.runtime.channel(self.channel_id)
        granted = requests.post(
            f"{self.shop_url}/api/oauth/token",
            json={
                "grant_type": "client_credentials",
                "client_id": channel.parameters["client_id"],
                "client_secret": channel.parameters["client_secret"],
            },
            timeout=30,
        ).json()
        answer = requests.request(
            method,
            f"{self.shop_url}/api/{path}",
            json=body,
            headers={
                "Authorization": f"Bearer {granted['access_token']}",
                "Accept": "application/json",
            },
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer
