"""`vario-relay channel set`, and what is known of a channel's parameters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from cli.shared import Here, channel_argument, indirect_value, note, pass_here, say
from integration.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from integration.connectors.base import Parameter
    from integration.models import SalesChannel
    from integration.vault import Vault


def parameters_of(platform: str) -> dict[str, Parameter]:
    """All parameters of a channel of this platform: its own, and those of every channel."""
    from integration.channel_view import CURRENCY, DEFAULT_CURRENCY
    from integration.connectors import registry
    from integration.connectors.base import Parameter, wrong_currency
    from integration.erp.shelf import DEFAULT_REF_TYPE
    from integration.toggles import OFF, WRITE_BACK_PARAMETER
    from integration.topics.media import REF_TYPE
    from integration.topics.stock import SAFETY_STOCK, wrong_pieces

    everywhere = (
        Parameter(
            CURRENCY,
            "ISO code of the prices",
            is_required=False,
            default=DEFAULT_CURRENCY,
            wrong=wrong_currency,
            advice="three capitals, e.g. EUR",
        ),
        Parameter(
            SAFETY_STOCK,
            "pieces that are kept back from the shop",
            is_required=False,
            default="0",
            wrong=wrong_pieces,
            advice="e.g. 2",
        ),
        *_of_orders(),
        *_of_brakes(),
        Parameter(
            REF_TYPE,
            "what the ERP calls an article on its media shelf (refType)",
            is_required=False,
            default=DEFAULT_REF_TYPE,
        ),
        Parameter(
            WRITE_BACK_PARAMETER,
            "whether the shop's product ids are written into the ERP",
            is_required=False,
            default="on",
            wrong=lambda value: None if value in ("on", OFF) else "is neither on nor off",
            advice="on or off",
        ),
    )
    found = registry.platform(platform)
    capabilities = found.capabilities
    own = [_price_details(capabilities.has_price_lists)] if capabilities.has_price_details else []
    own += [_storages()] if capabilities.has_stock_locations else []
    own += _of_ownership(capabilities.owned_fields)
    return {one.name: one for one in (*everywhere, *own, *found.parameters)}


def _price_details(has_lists: bool) -> Parameter:
    from integration.channel_view import DETAILS_OFF, DETAILS_ON, DETAILS_REMOVED, PRICE_DETAILS
    from integration.connectors.base import Parameter

    known = (DETAILS_ON, DETAILS_REMOVED, DETAILS_OFF)
    lists = ", prices by quantity and by customer group" if has_lists else ""
    return Parameter(
        PRICE_DETAILS,
        f"special offers with list price{lists}; one request to the ERP more per article",
        is_required=False,
        default=DETAILS_OFF,
        wrong=lambda value: None if value in known else "is unknown",
        advice="on; remove, which takes away what was sent; or off",
    )


def _storages() -> Parameter:
    from integration.connectors.base import Parameter, wrong_switch
    from integration.topics.wants import OFF, STORAGES

    return Parameter(
        STORAGES,
        "stock by storage location, by the mapping of storage locations; one request to the ERP "
        "more per article",
        is_required=False,
        default=OFF,
        wrong=wrong_switch,
        advice="on or off",
    )


def _of_ownership(carried: frozenset[str]) -> list[Parameter]:
    """Of the fields of articles those that the connector can leave out."""
    from integration import field_ownership
    from integration.connectors.base import Parameter
    from integration.field_ownership import WHOLE_TOPICS, Field, Owner

    return [
        Parameter(
            f"{field_ownership.PREFIX}{field}",
            f"whose word counts for the {field} of a product that is in the shop",
            is_required=False,
            default=field_ownership.default_of(field).value,
            wrong=field_ownership.wrong_owner,
            advice=f"e.g. {Owner.KEEP}, which never sends it again",
        )
        for field in Field
        if field in WHOLE_TOPICS or field in carried
    ]


def _of_brakes() -> tuple[Parameter, ...]:
    from integration import brake_rules as rules
    from integration.connectors.base import Parameter

    helps = {
        rules.ZERO_STOCK: "percent of the products in stock that may sell out within an hour",
        rules.PRICE_ROWS: "percent of the prices that may move far within an hour",
        rules.PRICE_MOVE: "percent from which on a price moves far",
        rules.DEACTIVATE: "products that may be taken out of the shop within an hour",
    }
    return tuple(
        Parameter(
            name,
            text,
            is_required=False,
            default=rules.DEFAULT_BY_PARAMETER[name],
            wrong=partial(rules.wrong, name),
            advice="e.g. " + rules.DEFAULT_BY_PARAMETER[name],
        )
        for name, text in helps.items()
    )


def _of_orders() -> tuple[Parameter, ...]:
    from integration.connectors.base import Parameter
    from integration.topics import order_status

    return (
        Parameter(
            order_status.ORDER_KEY,
            "fields of the ERP's order that hold the shop's order number or id, the first filled "
            "one counts",
            is_required=False,
            default=",".join(order_status.KEY_FIELDS),
            wrong=order_status.wrong_order_key,
            advice=f"e.g. {order_status.KEY_FIELDS[0]}",
        ),
        Parameter(
            order_status.GRACE,
            "minutes that a delivery waits for tracking numbers before it goes without them",
            is_required=False,
            default=order_status.DEFAULT_GRACE_MIN,
            wrong=order_status.wrong_minutes,
            advice="e.g. 60",
        ),
    )


@click.command("set")
@channel_argument
@click.argument("pairs", metavar="KEY=VALUE...", nargs=-1, required=True)
@pass_here
def set_parameters(here: Here, channel: str, pairs: tuple[str, ...]) -> None:
    """Set parameters of a channel, e.g. shop_url=https://shop.example client_secret=-

    KEY=- reads the value from standard input, KEY=@FILE from a file; a secret is taken no other
    way. An empty value takes the parameter away.
    """
    from integration import (
        channel_stops,
        channels,
        column_checks,
        shop_edits,
        shop_health,
        sync_runs,
    )
    from integration.channel_view import CURRENCY, PRICE_DETAILS
    from integration.toggles import WRITE_BACK_PARAMETER
    from integration.topics.stock import SAFETY_STOCK
    from integration.topics.wants import STORAGES
    from integration.write_back import asking

    runtime = here.runtime
    with runtime.scope() as session:
        found = channels.find(session, channel)
        channel_id, platform = found.id, found.platform
    known = parameters_of(platform)
    values = read_pairs(pairs, known, platform)
    refuse_wrong(values, known)
    with runtime.scope() as session:
        found = channels.find(session, channel)
        before = shop_edits.owners(session, channel_id)
        for name, value in values.items():
            vault = runtime.vault if known[name].is_secret and value else None
            _store(session, channel_id, name, value, vault)
        was_held = found.held_reason and found.held_reason not in channel_stops.OF_THE_ERP
        if was_held:
            found.held_reason = None
        _forget_shop(session, channel_id)
        # The names alone: a value may be a secret.
        note(session, channel_id, f"channel set {', '.join(values)}")
        if WRITE_BACK_PARAMETER in values:
            # What became known while it was off was not asked for.
            asking.ask_for_all(session, channel_id)
        if CURRENCY in values:
            # Amounts whose currency no column names were compared as those of the one before.
            column_checks.distrust(session, channel_id)
        if PRICE_DETAILS in values:
            # No event says that the same prices are to be sent otherwise.
            sync_runs.request_price_pass(session, channel_id)
        if SAFETY_STOCK in values or STORAGES in values:
            sync_runs.request_stock_pass(session, channel_id)
        shop_edits.follow(session, channel_id, before, shop_edits.owners(session, channel_id))
        # Behind all work items: a stage has its rows when it notes how the shop is.
        shop_health.forget(session, channel_id)
    say(
        f"set {', '.join(values)} of sales channel {channel}"
        + ("; it is not held any more" if was_held else "")
    )


def read_pairs(
    pairs: tuple[str, ...], known: dict[str, Parameter], platform: str
) -> dict[str, str]:
    """Values by name. Raises: UsageError; then nothing was read from standard input twice."""
    split: dict[str, str] = {}
    for pair in pairs:
        name, equals, source = pair.partition("=")
        if not equals:
            # The word may be a secret that was pasted alone: it is not repeated.
            raise UsageError("parameters are given as key=value")
        if name not in known:
            raise UsageError(
                f"{platform} has no parameter {name!r}; it has {', '.join(sorted(known))}"
            )
        split[name] = source
    if sum(source == "-" for source in split.values()) > 1:
        raise UsageError("only one value can come from standard input; give the others as @file")
    return {name: _value(known[name], source) for name, source in split.items()}


def refuse_wrong(values: dict[str, str], known: dict[str, Parameter]) -> None:
    """Raises: UsageError that names every value that cannot be right; an empty one is none."""
    found = []
    for name, value in values.items():
        check = known[name].wrong
        if value and check and (what := check(value)):
            found.append(f"{name} {what} ({known[name].advice})")
    if found:
        raise UsageError(f"{'; '.join(found)}; nothing was set")


def _value(parameter: Parameter, source: str) -> str:
    is_indirect = source == "-" or source.startswith("@")
    if not source or (not parameter.is_secret and not is_indirect):
        return source.strip()
    return indirect_value(source, parameter.name)


def _store(session: Session, channel_id: int, name: str, value: str, vault: Vault | None) -> None:
    from sqlalchemy import delete

    from integration import channels
    from integration.models import ChannelParameter

    if value:
        channels.set_parameter(session, channel_id, name, value, vault)
        return
    session.execute(
        delete(ChannelParameter).where(
            ChannelParameter.channel_id == channel_id, ChannelParameter.key == name
        )
    )


def _forget_shop(session: Session, channel_id: int) -> None:
    """What was learnt from the shop may be another shop's now: its tax ids, its access token.

    How prices were sent stays: another shop may keep them otherwise, and then all go again. What
    the ERP's columns are worth is no word of the shop: without it all of them would be believed.
    """
    from sqlalchemy import delete

    from integration import column_checks, pacing, price_forms
    from integration.models import AccessToken, ChannelFact

    session.execute(
        delete(ChannelFact).where(
            ChannelFact.channel_id == channel_id,
            ChannelFact.name.not_in([price_forms.FACT, *column_checks.FACTS]),
        )
    )
    name = pacing.shop_bucket_name(channel_id)
    session.execute(delete(AccessToken).where(AccessToken.name == name))


def missing_parameters(session: Session, found: SalesChannel) -> list[str]:
    """Names of required parameters that have no value."""
    present = {name for name, _value, _is_secret in _stored(session, found.id)}
    return [
        one.name
        for one in parameters_of(found.platform).values()
        if one.is_required and one.default is None and one.name not in present
    ]


def shown_parameters(session: Session, found: SalesChannel) -> dict[str, str | None]:
    """Every parameter with its value or its default; of a secret only that it is set."""
    stored = {
        name: "(secret, set)" if is_secret else value
        for name, value, is_secret in _stored(session, found.id)
    }
    known = parameters_of(found.platform)
    return {name: stored.get(name, known[name].default) for name in known}


def _stored(session: Session, channel_id: int) -> list[tuple[str, str, bool]]:
    from sqlalchemy import select

    from integration.models import ChannelParameter

    rows = session.scalars(
        select(ChannelParameter).where(ChannelParameter.channel_id == channel_id)
    )
    return [(row.key, row.value, row.is_secret) for row in rows]
