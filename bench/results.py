"""A measured row and its judgement, and the few things all measurements need."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.targets import FORMAT_BY_UNIT, TARGET_BY_KEY, Target

MET, MISSED, BELOW_AIM, FOR_INFORMATION = "met", "missed", "below the aim", "for information"
NOT_MEASURED, TOO_FEW = "not measured", "too few to judge"


@dataclass(frozen=True)
class Result:
    """A row: one value per repetition, the median counts.

    `baseline`: what was measured beside it in the same run, in words and figures. `note`: what a
    reader needs to know about how it came about. `spent`: where the time went, which is told of a
    row that missed its target. `trouble`: why it could not be measured. `is_quick`: it is one of a
    quick run.
    """

    key: str
    values: Sequence[float] = ()
    baseline: str = ""
    note: str = ""
    spent: str = ""
    trouble: str = ""
    is_quick: bool = False

    @property
    def target(self) -> Target:
        return TARGET_BY_KEY[self.key]

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def written(self) -> str:
        """The median, and the range of the repetitions where there were several."""
        if not self.values:
            return "-"
        write = FORMAT_BY_UNIT[self.target.unit]
        low, high = write(min(self.values)), write(max(self.values))
        span = f" ({low} to {high})" if low != high else ""
        return write(self.value) + span

    @property
    def verdict(self) -> str:
        if not self.values:
            return NOT_MEASURED
        if self.is_quick and self.target.needs_many:
            return TOO_FEW
        holds = self.target.holds(self.value)
        if holds is None:
            return FOR_INFORMATION
        if holds:
            return MET
        return BELOW_AIM if self.target.is_aim else MISSED


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
