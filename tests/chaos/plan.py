"""What happens when and to whom: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.chaos.shops import SHOPS

DISTRIBUTED, EMBEDDED = "distributed", "embedded"
MODES = (DISTRIBUTED, EMBEDDED)
#: Seconds between two faults. Faults last longer than that: they overlap.
GAP_S = (1.0, 2.8)
#: Longer than the lease of 5 s, so that a thawed process finds its work taken over.
FROZEN_S = (5.5, 8.0)
MOMENT_S = (0.3, 1.5)
#: Shorter than the two leases in which a write may reach the shop, long enough for newer ones.
LATE_S = (2.0, 9.0)
WORKERS = ("worker-1", "worker-2")
#: What no process survives.
ENDS = ("kill", "kill-parent", "freeze-then-kill", "terminate")


@dataclass(frozen=True)
class Kind:
    """One kind of fault: whom it hits, how long it lasts, how often it is drawn."""

    name: str
    targets: tuple[str, ...]
    seconds: tuple[float, float] = MOMENT_S
    weight: int = 2


@dataclass(frozen=True)
class Fault:
    """One fault of a plan. `at_s` and `seconds` from the start of the faults; `pick` from 0 to 1
    decides what the kind leaves open (which child, how often)."""

    number: int
    at_s: float
    kind: str
    target: str
    seconds: float
    pick: float

    @property
    def is_end(self) -> bool:
        """Whether the process that is hit is over afterwards, and another one has to start."""
        return self.kind in ENDS

    def __str__(self) -> str:
        return f"#{self.number} {self.kind} {self.target} for {self.seconds:.1f} s"


_SHOP = (
    Kind("429", ("shop",), (1.0, 3.0)),
    Kind("429-retry-after", ("shop",)),
    Kind("429-bare", ("shop",), weight=1),
    Kind("500", ("shop",)),
    Kind("502", ("shop",), weight=1),
    Kind("503", ("shop",), (1.0, 3.0)),
    Kind("504", ("shop",), weight=1),
    Kind("timeout-before", ("shop",), (4.0, 8.0)),
    Kind("timeout-after", ("shop",), (4.0, 8.0), weight=4),
    Kind("late", ("shop",), LATE_S, weight=4),
    Kind("late-orphaned", ("shop",), LATE_S, weight=6),
    Kind("cut-body", ("shop",), weight=3),
    Kind("html", ("shop",), weight=1),
    Kind("slow", ("shop",), (0.5, 2.0)),
    Kind("deadlock", ("shop",)),
    Kind("half", ("shop",), weight=4),
    Kind("php-notice", ("shop",), weight=1),
    Kind("html-after", ("shop",)),
    Kind("token-revoked", ("shop",), weight=1),
)
_ERP = (
    Kind("429", ("erp",), (1.0, 3.0), weight=1),
    Kind("500", ("erp",), weight=1),
    Kind("timeout-before", ("erp",), (3.0, 6.0), weight=1),
    Kind("cut-body", ("erp",), weight=1),
    Kind("token-revoked", ("erp",), weight=1),
    Kind("webhook-duplicate", ("erp",), weight=1),
    Kind("webhook-reorder", ("erp",), weight=1),
    Kind("webhook-delay", ("erp",), weight=1),
)
_PROCESSES = (
    Kind("kill", WORKERS, weight=6),
    Kind("kill-parent", WORKERS, weight=3),
    Kind("kill-child", WORKERS, weight=5),
    Kind("freeze", WORKERS, FROZEN_S, weight=6),
    Kind("freeze-child", WORKERS, FROZEN_S, weight=4),
    Kind("freeze-then-kill", WORKERS, FROZEN_S, weight=6),
    Kind("terminate", WORKERS, (1.0, 4.0), weight=4),
    Kind("kill", ("web", "beat"), weight=4),
    Kind("kill-parent", ("web",)),
    Kind("kill-child", ("web",)),
    Kind("freeze", ("web", "beat"), FROZEN_S, weight=2),
    Kind("terminate", ("web", "beat"), (1.0, 3.0)),
)
_SERVERS = (
    Kind("kill", ("broker",), weight=3),
    Kind("purge", ("broker",), weight=4),
    Kind("cut", ("broker",), weight=3),
    Kind("restart", ("broker",), weight=1),
    Kind("kill", ("database",), weight=4),
    Kind("cut", ("database",), weight=4),
)
_ONE_PROCESS = (
    Kind("kill", ("up",), weight=7),
    Kind("freeze", ("up",), FROZEN_S, weight=4),
    Kind("freeze-then-kill", ("up",), FROZEN_S, weight=3),
    Kind("terminate", ("up",), (1.0, 4.0), weight=3),
)
KINDS = {
    DISTRIBUTED: (*_PROCESSES, *_SERVERS, *_SHOP, *_ERP),
    EMBEDDED: (*_ONE_PROCESS, *_SHOP, *_ERP),
}


def kinds_of(mode: str, platform: str) -> tuple[Kind, ...]:
    """What can happen in this mode around a shop of this platform."""
    lacks = SHOPS[platform].lacks
    return tuple(one for one in KINDS[mode] if one.targets != ("shop",) or one.name not in lacks)


def plan(seed: int, count: int, mode: str, platform: str) -> tuple[Fault, ...]:
    """`count` faults in the order of their beginning."""
    rng = random.Random(f"{seed} {mode}")
    kinds = kinds_of(mode, platform)
    weights = [kind.weight for kind in kinds]
    faults: list[Fault] = []
    at_s = 0.0
    for number in range(1, count + 1):
        at_s += rng.uniform(*GAP_S)
        (kind,) = rng.choices(kinds, weights)
        faults.append(
            Fault(
                number=number,
                at_s=round(at_s, 2),
                kind=kind.name,
                target=rng.choice(kind.targets),
                seconds=round(rng.uniform(*kind.seconds), 2),
                pick=rng.random(),
            )
        )
    return tuple(faults)
