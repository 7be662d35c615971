"""The tables, the same on SQLite and Postgres."""

from integration.models.base import Base
from integration.models.brakes import Brake
from integration.models.channels import (
    ChannelFact,
    ChannelParameter,
    Listing,
    SalesChannel,
    ShelfImage,
    TransferToggle,
)
from integration.models.drift import Drift, DriftPlan, DriftState, NightlyComparison, PlanState
from integration.models.fulfilments import Fulfilment
from integration.models.health import ShopHealth
from integration.models.history import HistoryBatch, HistoryContent, HistoryEntry
from integration.models.mappings import BY_HAND, ArticleHold, ChannelMapping
from integration.models.metrics import MetricCounter
from integration.models.runs import (
    Heartbeat,
    Lane,
    RateBucket,
    ReadAhead,
    SyncCursor,
    SyncRun,
    SyncRunState,
)
from integration.models.shop_edits import ShopEdit
from integration.models.tenants import AccessToken, Tenant, TenantFact
from integration.models.work import Priority, WorkItem, WorkItemState

__all__ = [
    "BY_HAND",
    "AccessToken",
    "ArticleHold",
    "Base",
    "Brake",
    "ChannelFact",
    "ChannelMapping",
    "ChannelParameter",
    "Drift",
    "DriftPlan",
    "DriftState",
    "Fulfilment",
    "Heartbeat",
    "HistoryBatch",
    "HistoryContent",
    "HistoryEntry",
    "Lane",
    "Listing",
    "MetricCounter",
    "NightlyComparison",
    "PlanState",
    "Priority",
    "RateBucket",
    "ReadAhead",
    "SalesChannel",
    "ShelfImage",
    "ShopEdit",
    "ShopHealth",
    "SyncCursor",
    "SyncRun",
    "SyncRunState",
    "Tenant",
    "TenantFact",
    "TransferToggle",
    "WorkItem",
    "WorkItemState",
]
