"""The state machines of orders, deliveries and transactions, and a step in one of them.

Recorded: the steps of an open order, `complete`, `ship` and `paid`. The others are those that the
vendor's documentation names; a shop's plugins may add more, hence clients ask for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import errors
from .clock import stamp
from .ids import fixed_id, new_id
from .store import Row, Store


@dataclass(frozen=True)
class Machine:
    """`states`: technical name -> label; `steps`: action -> (states it starts from, its end)."""

    name: str
    label: str
    states: dict[str, str]
    steps: dict[str, tuple[tuple[str, ...], str]]


_PAYABLE = ("open", "in_progress", "reminded", "authorized", "unconfirmed", "failed")
#: By the entity that is in one of the states.
MACHINES = {
    "order": Machine(
        "order.state", "Order state",
        {"open": "Open", "in_progress": "In Progress", "completed": "Done",
         "cancelled": "Cancelled"},
        {"cancel": (("open", "in_progress"), "cancelled"), "process": (("open",), "in_progress"),
         "complete": (("in_progress",), "completed"),
         "reopen": (("completed", "cancelled"), "open")}),
    "order_delivery": Machine(
        "order_delivery.state", "Delivery state",
        {"open": "Open", "shipped": "Shipped", "shipped_partially": "Shipped (partially)",
         "returned": "Returned", "returned_partially": "Returned (partially)",
         "cancelled": "Cancelled"},
        {"cancel": (("open", "shipped", "shipped_partially"), "cancelled"),
         "reopen": (("cancelled", "returned"), "open"),
         "retour": (("shipped", "shipped_partially", "returned_partially"), "returned"),
         "retour_partially": (("shipped", "shipped_partially"), "returned_partially"),
         "ship": (("open", "shipped_partially"), "shipped"),
         "ship_partially": (("open",), "shipped_partially")}),
    "order_transaction": Machine(
        "order_transaction.state", "Payment state",
        {"open": "Open", "in_progress": "In Progress", "paid": "Paid",
         "paid_partially": "Paid (partially)", "authorized": "Authorized",
         "unconfirmed": "Unconfirmed", "reminded": "Reminded", "failed": "Failed",
         "cancelled": "Cancelled", "refunded": "Refunded",
         "refunded_partially": "Refunded (partially)", "chargeback": "Chargeback"},
        {"authorize": (("open", "in_progress", "reminded"), "authorized"),
         "cancel": ((*_PAYABLE, "paid_partially"), "cancelled"),
         "chargeback": (("paid", "paid_partially"), "chargeback"),
         "fail": (("open", "in_progress", "authorized", "unconfirmed"), "failed"),
         "paid": ((*_PAYABLE, "paid_partially"), "paid"),
         "paid_partially": (_PAYABLE, "paid_partially"),
         "process": (("open",), "in_progress"),
         "process_unconfirmed": (("open",), "unconfirmed"),
         "refund": (("paid", "paid_partially", "refunded_partially"), "refunded"),
         "refund_partially": (("paid", "paid_partially"), "refunded_partially"),
         "remind": (("open", "paid_partially"), "reminded"),
         "reopen": (("cancelled", "failed", "chargeback"), "open")}),
}


def state_of(store: Store, entity: str, row_id: str) -> tuple[Row, Row]:
    """A row and the state it is in. Raises ApiError for an id that is not there."""
    row = store.get(entity, row_id)
    if row is None:
        raise errors.named(400, "SYSTEM__STATE_MACHINE_INVALID_ENTITY_ID",
                           f'Unable to read entity "{entity}" with id "{row_id}".',
                           {"entityName": entity, "entityId": row_id})
    return row, store.table("state_machine_state")[row["stateId"]]


def possible(entity: str, technical_name: str) -> dict[str, str]:
    """The steps that lead on from a state, by name, with the state each ends in."""
    steps = sorted(MACHINES[entity].steps.items())
    return {action: end for action, (starts, end) in steps if technical_name in starts}


def state_id(entity: str, technical_name: str) -> str:
    """The id of a state of the entity's machine."""
    return fixed_id(f"state {entity} {technical_name}")


def step(store: Store, entity: str, row_id: str, action: str) -> tuple[Row, Row]:
    """Take one step; the state before and the one after. Raises ApiError.

    A step to the state that is there already changes nothing and is no error: repeating is safe.
    """
    row, before = state_of(store, entity, row_id)
    _, end = MACHINES[entity].steps.get(action, ((), ""))
    if end == before["technicalName"]:
        return before, before
    ends = possible(entity, before["technicalName"])
    if action not in ends:
        listed = ", ".join(ends)
        raise errors.named(
            400, "SYSTEM__ILLEGAL_STATE_TRANSITION",
            f'Illegal transition "{action}" from state "{before["id"]}". '
            f"Possible transitions are: {listed}",
            {"transition": action, "currentState": before["id"],
             "possibleTransitionsString": listed, "possibleTransitions": list(ends)})
    after = store.table("state_machine_state")[state_id(entity, ends[action])]
    store.put(entity, row_id, {**row, "stateId": after["id"], "updatedAt": stamp()})
    _remember(store, entity, row_id, action, before, after)
    return before, after


def _remember(store: Store, entity: str, row_id: str, action: str, before: Row,
              after: Row) -> None:
    store.insert("state_machine_history", new_id(), stateMachineId=after["stateMachineId"],
                 entityName=entity, referencedId=row_id, fromStateId=before["id"],
                 toStateId=after["id"], transitionActionName=action)


def transitions(store: Store, entity: str, row_id: str) -> dict[str, Any]:
    """What the route that lists a row's next steps answers. Raises ApiError."""
    _, state = state_of(store, entity, row_id)
    machine = MACHINES[entity]
    url = f"/api/_action/state-machine/{entity}/{row_id}/state"
    return {"transitions": [
        {"name": machine.states[end], "technicalName": end, "actionName": action,
         "fromStateName": state["technicalName"], "toStateName": end, "url": f"{url}/{action}"}
        for action, end in possible(entity, state["technicalName"]).items()]}
