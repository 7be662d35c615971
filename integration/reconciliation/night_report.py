"""What the comparison of a night found and did, as people read it in the morning: English, German.

What ERP, shop and our own errors say is quoted in their words, which are English in both languages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from integration import shop_edits
from integration.explaining.texts import Language
from integration.models import Drift, NightlyComparison
from integration.reconciliation import nights, outcomes, plans
from integration.reconciliation.compare import DriftKind
from integration.reconciliation.plans import PlanView
from integration.reconciliation.work import HELD, SENT_SINCE, WAITS

#: Lines of each kind, and reasons of each outcome.
EXAMPLES = 5


@dataclass(frozen=True)
class NightReport:
    """One night of a channel (``tenant/id``). `plan` None: it broke off before there was one."""

    channel: str
    night: str
    began_at: datetime
    ended_at: datetime | None
    trouble: str | None
    #: Nobody is at it any more, and it has not ended.
    is_dead: bool = False
    plan: PlanView | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, Sequence[Drift]] = field(default_factory=dict)
    reasons: Mapping[str, Sequence[tuple[str | None, int]]] = field(default_factory=dict)
    #: Fields that were changed in the shop and are left alone, and those of them that wait.
    edits: int = 0
    undecided: int = 0

    @property
    def is_bad(self) -> bool:
        """Whether somebody should look: it broke off, its worker died, or something failed."""
        return self.trouble is not None or self.is_dead or bool(self.counts.get("failed"))


def report_of(session: Session, channel: str, found: NightlyComparison) -> NightReport:
    """The report of a night; what became of its lines is looked up first."""
    known = shop_edits.of_channel(session, found.channel_id)
    owners = shop_edits.owners(session, found.channel_id)
    report = NightReport(
        channel,
        found.night,
        found.began_at,
        found.ended_at,
        found.trouble,
        is_dead=nights.has_died(session, found),
        edits=len(known),
        undecided=sum(shop_edits.is_undecided(one, owners) for one in known),
    )
    if found.plan_id is None:
        return report
    outcomes.settle(session, found.plan_id)
    plan = plans.view(session, found.plan_id)
    return replace(
        report,
        plan=plan,
        counts=plans.outcomes(session, plan.id),
        examples={
            kind.value: plans.examples(session, plan.id, kind.value, EXAMPLES)
            for kind in DriftKind
            if plan.counts[kind.value]
        },
        reasons={
            state.value.lower(): plans.reasons(session, plan.id, state)[:EXAMPLES]
            for state in plans.TOLD
        },
    )


def as_json(report: NightReport) -> dict[str, Any]:
    """Shape: interface of `reconcile --report --json`."""
    plan = report.plan
    return {
        "channel": report.channel,
        "night": report.night,
        "began_at": report.began_at.isoformat(),
        "ended_at": None if report.ended_at is None else report.ended_at.isoformat(),
        "trouble": report.trouble,
        "plan": None if plan is None else plan.id,
        "counts": {} if plan is None else dict(plan.counts),
        "on_its_way": {} if plan is None else dict(plan.on_its_way),
        "left_out": {} if plan is None else dict(plan.left_out),
        "outcomes": {name: count for name, count in report.counts.items() if count},
        "edits": report.edits,
        "undecided": report.undecided,
    }


def text_of(report: NightReport, language: Language, zone: tzinfo) -> str:
    """The report, a line per thing, times by the merchant's clock."""
    return "\n".join(_lines(report, language, zone)) + "\n"


def _lines(report: NightReport, language: Language, zone: tzinfo) -> Iterator[str]:
    say = partial(_said, language)
    yield say("title", channel=report.channel, night=report.night)
    began = f"{report.began_at.astimezone(zone):%H:%M}"
    if report.ended_at is None:
        yield say("dead" if report.is_dead else "under_way", began=began)
    else:
        yield say("ended", began=began, ended=f"{report.ended_at.astimezone(zone):%H:%M}")
    if report.trouble is not None:
        yield say("trouble", trouble=report.trouble)
    if report.plan is not None:
        yield from _of_plan(report, report.plan, language)
    if report.edits:
        yield say("edits", edits=report.edits, channel=report.channel)
    if report.undecided:
        yield say("edits_undecided", undecided=report.undecided)


def _of_plan(report: NightReport, plan: PlanView, language: Language) -> Iterator[str]:
    say = partial(_said, language)
    yield say("compared", articles=plan.articles, products=plan.products, plan=plan.id)
    if plan.off_topics:
        yield say("off", topics=", ".join(plan.off_topics))
    yield say("not_compared", names=", ".join(say(one) for one in plan.not_compared))
    yield from _not_counted(report, plan, say)
    if not plan.has_drift:
        yield say("else_equal" if plan.on_its_way else "equal")
        return
    for kind, lines in report.examples.items():
        yield f"{say(kind)}: {plan.counts[kind]}"
        for one in lines:
            yield f"  {one.number} (id {one.article_id}){_change(one)}"
        if plan.counts[kind] > len(lines):
            yield f"  {say('more', count=plan.counts[kind] - len(lines))}"
    states = [f"{report.counts[one]} {say(one)}" for one in _STATES if report.counts.get(one)]
    yield say("became", states=", ".join(states))
    for state, reasons in report.reasons.items():
        for reason, count in reasons:
            yield f"  {count} {say(state)}: {reason or '-'}"


def _not_counted(report: NightReport, plan: PlanView, say: Callable[..., str]) -> Iterator[str]:
    """What is no drift, and not in the shop as VARIO says all the same."""
    for way, count in sorted(plan.on_its_way.items()):
        yield say(f"not counted: {way}", count=count, channel=report.channel)
    if plan.left_out:
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(plan.left_out.items()))
        yield say("left_out", reasons=reasons)


def _said(language: Language, key: str, **values: object) -> str:
    return _TEXTS[key][language].format(**values)


def _change(one: Drift) -> str:
    if one.field is None or one.kind == DriftKind.MISSING:
        return ""
    if one.kind == DriftKind.DUPLICATE:
        return f": {one.old}"
    return f": {one.field} {one.old} -> {one.new}"


_STATES = ("sent", "asked", "planned", "held", "skipped", "failed", "reported")

#: In German.
_NOT_COMPARED: Mapping[str, str] = {
    "images": "Bilder",
    "order status": "Bestellstatus",
    "categories": "Kategorien",
    "custom fields": "Zusatzfelder",
    "manufacturer": "Hersteller",
    "measures": "Maße",
    "options of variants": "Ausprägungen der Varianten",
    "list prices": "Streichpreise",
    "prices by quantity and customer group": "Staffel- und Kundengruppenpreise",
    "sale beyond the stock": "Verkauf über den Bestand hinaus",
    "stock by location": "Bestand je Lagerort",
}

_TEXTS: Mapping[str, tuple[str, str]] = {
    "title": (
        "Comparison of sales channel {channel}, night of {night}",
        "Vergleich des Vertriebskanals {channel}, Nacht vom {night}",
    ),
    "under_way": ("begun at {began}, not ended yet", "begonnen um {began}, noch nicht beendet"),
    "dead": (
        "begun at {began}; its worker died, and it begins anew while it is night",
        "begonnen um {began}; sein Prozess starb, und er beginnt neu, solange es Nacht ist",
    ),
    "ended": ("begun at {began}, ended at {ended}", "begonnen um {began}, beendet um {ended}"),
    "trouble": ("it broke off: {trouble}", "er brach ab: {trouble}"),
    "compared": (
        "plan {plan}: {articles} articles of the ERP and {products} products of the shop compared",
        "Plan {plan}: {articles} Artikel aus VARIO und {products} Produkte des Shops verglichen",
    ),
    "off": (
        "switched off and not compared: {topics}",
        "abgeschaltet und nicht verglichen: {topics}",
    ),
    "not_compared": ("not compared: {names}", "nicht verglichen: {names}"),
    **{english: (english, german) for english, german in _NOT_COMPARED.items()},
    "equal": ("nothing differs", "nichts weicht ab"),
    "else_equal": ("nothing else differs", "sonst weicht nichts ab"),
    f"not counted: {WAITS}": (
        "on their way and not counted: {count} (waiting or being sent)",
        "unterwegs und nicht mitgezählt: {count} (warten oder werden gesendet)",
    ),
    f"not counted: {HELD}": (
        "held and not counted: {count}; `vario-relay queue hold list {channel}` says why",
        "angehalten und nicht mitgezählt: {count}; `vario-relay queue hold list {channel}` sagt, "
        "warum",
    ),
    f"not counted: {SENT_SINCE}": (
        "sent during the comparison and not counted: {count}",
        "während des Vergleichs gesendet und nicht mitgezählt: {count}",
    ),
    "left_out": (
        "cannot be sent as it is, by reason: {reasons}",
        "kann so nicht gesendet werden, nach Grund: {reasons}",
    ),
    "missing": ("missing in the shop", "fehlen im Shop"),
    "still_active": (
        "no longer listed or inactive in the ERP, but for sale",
        "in VARIO nicht mehr gelistet oder inaktiv, aber im Verkauf",
    ),
    "orphan": (
        "for sale by us, but gone in the ERP",
        "von uns im Verkauf, aber in VARIO nicht mehr da",
    ),
    "different": ("different values (shop -> ERP)", "abweichende Werte (Shop -> VARIO)"),
    "undecided": (
        "changed in the shop, wait for a decision (shop -> ERP)",
        "im Shop geändert, warten auf eine Entscheidung (Shop -> VARIO)",
    ),
    "duplicate": (
        "several products with one number (to be mended in the shop)",
        "mehrere Produkte mit einer Nummer (im Shop zu bereinigen)",
    ),
    "more": ("and {count} more", "und {count} weitere"),
    "became": ("of the lines of the plan: {states}", "von den Zeilen des Plans: {states}"),
    "sent": ("sent", "gesendet"),
    "asked": ("on their way", "unterwegs"),
    "planned": ("not asked for yet", "noch nicht angestoßen"),
    "held": ("held", "angehalten"),
    "skipped": ("skipped", "übersprungen"),
    "failed": ("failed", "fehlgeschlagen"),
    "reported": ("left to people", "den Menschen überlassen"),
    "edits": (
        "{edits} fields were changed in the shop and are left alone: "
        "`vario-relay shop-edit list {channel}`",
        "{edits} Felder wurden im Shop geändert und bleiben so: "
        "`vario-relay shop-edit list {channel}`",
    ),
    "edits_undecided": (
        "{undecided} of them wait for a decision",
        "{undecided} davon warten auf eine Entscheidung",
    ),
}
