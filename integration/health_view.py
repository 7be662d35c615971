"""Which shops are let alone at the moment; the one place that /metrics asks."""

from __future__ import annotations

from sqlalchemy.orm import Session

from integration import pacing


def open_breakers(session: Session) -> set[int]:
    """Ids of the channels whose shop is sent nothing, because it fails or asked for a pause."""
    prefix = pacing.shop_bucket_name(0).removesuffix("0")
    return {
        int(name.removeprefix(prefix))
        for name in pacing.paused_names(session)
        if name.startswith(prefix)
    }
