"""Claims due work and sends its chains; the sweep does the same for what was forgotten."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import celery
from kombu.exceptions import OperationalError as BrokerError

from integration import (
    article_holds,
    brakes,
    channel_life,
    channels,
    dispatching,
    observe,
    runtime,
    served,
    work_items,
    work_outcomes,
)
from integration.connectors import registry
from integration.dispatching import Chain, Limits
from integration.errors import UsageError
from integration.rota import DueLane
from integration.runtime import Runtime
from integration.sync_runs import due_runs
from integration.toggles import SERVED_TOPICS
from integration.topics.order_status import AWAITS_TRACKING
from integration.topology import TASK_DISPATCH, TASK_SWEEP, Queue
from integration.write_back import lanes
from tasks.app import app
from tasks.base import StageTask
from tasks.channels import follow_task
from tasks.outbound import fetch_task, push_task, transform_task
from tasks.sync import advance_task
from tasks.write_back import write_back_task

log = logging.getLogger("tasks.dispatch")


@app.task(base=StageTask, name=TASK_DISPATCH)
def dispatch_task() -> int:
    """Claim and send whatever may go now; the number of chains sent.

    Failure policy: a claim whose chain could not be sent is given back, or ends with its lease.
    """
    here = runtime.current()
    sent = dispatch(here)
    follow_channels(here)
    return sent


@app.task(base=StageTask, name=TASK_SWEEP)
def sweep_task() -> None:
    """Take expired leases back, let go what nobody holds any more and what is carried by now,
    decide about what brakes keep waiting, resume runs whose driver died, and dispatch what is due.

    Failure policy: everything it does is safe to do twice, also at the same time.
    """
    here = runtime.current()
    with here.scope() as session:
        work_outcomes.recover_expired(session)
        served.follow(session, SERVED_TOPICS)
        article_holds.let_go(session)
        work_outcomes.release_awaited(session, AWAITS_TRACKING)
        runs = due_runs(session)
    # On its own: it locks brakes before work items.
    with here.scope() as session:
        brakes.look(session, here.settings.brake_wait_s)
    for run_id in runs:
        advance_task.delay(run_id)
    dispatch(here)
    follow_channels(here)


def follow_channels(here: Runtime) -> None:
    """Have those ERPs asked for their sales channels that somebody wants to know of.

    Failure policy: a message that is not sent or lost comes again after a lease.
    """
    with here.scope() as session:
        tenants = channel_life.claim_due(session, here.settings.lease_s)
    for tenant_id in tenants:
        follow_task.delay(tenant_id)


def dispatch(here: Runtime) -> int:
    """Send what may go to the shops, then what may go back into the ERP; the number of chains."""
    return _dispatch_outbound(here) + _dispatch_write_back(here)


def _dispatch_outbound(here: Runtime) -> int:
    """One chain per turn of the rota, until no lane may go on."""
    config = here.settings
    limits = Limits(
        config.chains_per_topic,
        config.coalesce_s,
        config.lease_s,
        slow_chains=config.slow_chains,
    )
    with here.scope() as session:
        chains = dispatching.chains(session, limits)
        rota = dispatching.rota(session, SERVED_TOPICS, limits, chains)
    room = dispatching.room(chains, limits)
    sent = 0
    while (lane := rota.next()) is not None:
        if room[lane.queue] <= 0:
            rota.drop_queue(lane.queue)
        elif _send_next(here, lane, limits, rota.rivals(lane)):
            rota.served(lane)
            room[lane.queue] -= 1
            sent += 1
        else:
            rota.drop(lane)
    return sent


def _send_next(here: Runtime, lane: DueLane, limits: Limits, rivals: Sequence[DueLane]) -> bool:
    """Claim and send the lane's next batch; False when it may not go on."""
    try:
        batch_size = registry.platform(lane.platform).capabilities.max_batch
    except UsageError as error:
        # A connector that this worker lacks is this channel's trouble, not everybody's.
        with here.scope() as session:
            channels.hold(session, lane.channel_id, str(error))
        return False
    with here.scope() as session:
        chain = dispatching.claim_next(session, lane, batch_size, limits, rivals)
    if chain is None:
        return False
    stages = [fetch_task.s(chain.claim_id), transform_task.s(), push_task.s()]
    return _sent(here, chain, stages, lane.queue)


def _dispatch_write_back(here: Runtime) -> int:
    """One batch per tenant at most, in the order of their turns."""
    with here.scope() as session:
        rota = lanes.rota(session)
    sent = 0
    while (lane := rota.next()) is not None:
        with here.scope() as session:
            chain = lanes.claim_next(session, lane, lease_s=here.settings.lease_s)
        if chain and _sent(here, chain, [write_back_task.s(chain.claim_id)], lane.queue):
            sent += 1
            rota.served(lane)
        rota.drop(lane)
    return sent


def _sent(here: Runtime, chain: Chain, stages: Sequence[Any], queue: Queue) -> bool:
    """Send a claimed batch; False when the broker is away and the claim was given back."""
    log.info(observe.event("work_item.claimed", **_told(chain)))
    for signature in stages:
        # What Flower shows as arguments: the real ones are a merchant's data, and large.
        signature.set(queue=queue.value, argsrepr=f"({chain})", kwargsrepr="{}")
    try:
        celery.chain(*stages).apply_async()
    except BrokerError as error:
        log.warning(observe.event("broker.away", error=error))
        with here.scope() as session:
            work_items.release_unsent(session, chain.claim_id)
        log.info(observe.event("work_item.released", **_told(chain), reason="broker away"))
        return False
    return True


def _told(chain: Chain) -> dict[str, object]:
    return {
        "tenant": chain.tenant,
        "channel": chain.channel,
        "topic": chain.topic,
        "items": chain.items,
        "claim": chain.claim_id,
    }
