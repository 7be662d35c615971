"""Claims due work and sends its chains; the sweep does the same for what was forgotten."""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError as BrokerError

from integration import channels, dispatching, observe, runtime, work_items, work_outcomes
from integration.connectors import registry
from integration.dispatching import Chain, DueLane, Limits
from integration.errors import UsageError
from integration.runtime import Runtime
from integration.sync_runs import due_runs
from integration.toggles import SERVED_TOPICS
from integration.topology import TASK_DISPATCH, TASK_SWEEP, Queue
from tasks.app import app
from tasks.base import StageTask
from tasks.outbound import fetch_task, push_task, transform_task
from tasks.sync import advance_task

log = logging.getLogger("tasks.dispatch")


@app.task(base=StageTask, name=TASK_DISPATCH)
def dispatch_task() -> int:
    """Claim and send whatever may go now; the number of chains sent.

    Failure policy: a claim whose chain could not be sent is given back, or ends with its lease.
    """
    return dispatch(runtime.current())


@app.task(base=StageTask, name=TASK_SWEEP)
def sweep_task() -> None:
    """Take expired leases back, resume runs whose driver died, and dispatch what is due.

    Failure policy: everything it does is safe to do twice, also at the same time.
    """
    here = runtime.current()
    with here.scope() as session:
        work_outcomes.recover_expired(session)
        runs = due_runs(session)
    for run_id in runs:
        advance_task.delay(run_id)
    dispatch(here)


def dispatch(here: Runtime) -> int:
    """One chain per lane and turn, until no lane may go on."""
    limits = Limits(here.settings.chains_per_topic, here.settings.coalesce_s, here.settings.lease_s)
    with here.scope() as session:
        lanes = dispatching.due_lanes(session, SERVED_TOPICS)
    sent = 0
    while lanes:
        lanes = [lane for lane in lanes if _send_next(here, lane, limits)]
        sent += len(lanes)
    return sent


def _send_next(here: Runtime, lane: DueLane, limits: Limits) -> bool:
    """Claim and send the lane's next batch; False when it may not go on."""
    try:
        batch_size = registry.platform(lane.platform).capabilities.max_batch
    except UsageError as error:
        # A connector that this worker lacks is this channel's trouble, not everybody's.
        with here.scope() as session:
            channels.hold(session, lane.channel_id, str(error))
        return False
    with here.scope() as session:
        claim_id = dispatching.claim_next(session, lane, batch_size, limits)
        if claim_id is None:
            return False
        chain = dispatching.chain_of(session, claim_id)
    log.info(observe.event("work_item.claimed", **_told(chain)))
    try:
        _send_chain(chain, lane.queue)
    except BrokerError as error:
        log.warning(observe.event("broker.away", error=error))
        with here.scope() as session:
            work_items.release_unsent(session, claim_id)
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


def _send_chain(chain: Chain, queue: Queue) -> None:
    stages = fetch_task.s(chain.claim_id) | transform_task.s() | push_task.s()
    for signature in stages.tasks:
        # What Flower shows as arguments: the real ones are a merchant's data, and large.
        signature.set(queue=queue.value, argsrepr=f"({chain})", kwargsrepr="{}")
    stages.apply_async()
