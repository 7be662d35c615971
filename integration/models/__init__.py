"""The tables, the same on SQLite and Postgres."""

from integration.models.base import Base
from integration.models.channels import (
    ChannelFact,
    ChannelParameter,
    Listing,
    SalesChannel,
    TransferToggle,
)
from integration.models.metrics import MetricCounter
from integration.models.runs import Lane, RateBucket, SyncCursor, SyncRun, SyncRunState
from integration.models.tenants import AccessToken, Tenant, TenantFact
from integration.models.work import Priority, WorkItem, WorkItemState

__all__ = [
    "AccessToken",
    "Base",
    "ChannelFact",
    "ChannelParameter",
    "Lane",
    "Listing",
    "MetricCounter",
    "Priority",
    "RateBucket",
    "SalesChannel",
    "SyncCursor",
    "SyncRun",
    "SyncRunState",
    "Tenant",
    "TenantFact",
    "TransferToggle",
    "WorkItem",
    "WorkItemState",
]
