"""Runs cases against one connector, and takes back what they left in the shop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from vario_relay import IntegrationError, ListingView, Topic, WithdrawalDocument
from vario_relay.testing import proxy
from vario_relay.testing.cases import CASES, Case
from vario_relay.testing.given import Target
from vario_relay.testing.goods import PREFIX
from vario_relay.testing.holdings import kept_files
from vario_relay.testing.stand import Stand
from vario_relay.testing.verdicts import Finding, Report, Row, Verdict


@contextmanager
def standing(target: Target, rest: Callable[[float], None] = time.sleep) -> Iterator[Stand]:
    """A stand with its proxy. `rest` waits for so many seconds, where the shop asks for it."""
    with proxy.running() as one:
        yield Stand(target, one, rest)


def examine(target: Target, cases: Sequence[Case] = CASES) -> Report:
    """The report of a connector; what the cases put into the shop is taken back."""
    with standing(target) as stand:
        rows = [run(case, stand) for case in cases]
        return Report(target.platform.name, rows, take_back(stand))


def run(case: Case, stand: Stand) -> Row:
    """The verdict of one case. Whatever comes out of a connector but what it may raise is wrong."""
    try:
        words, verdict = case.run(stand), Verdict.HELD
    except Finding as finding:
        words, verdict = str(finding), finding.verdict
    except IntegrationError as error:
        words, verdict = f"{type(error).__name__}: {error}", Verdict.WRONG
    except Exception as error:  # noqa: BLE001 - a stranger's bug is what the report is for
        words, verdict = f"{_where(error)}{type(error).__name__}: {error}", Verdict.WRONG
    return Row(case.name, case.title, verdict, words)


def take_back(stand: Stand) -> str:
    """Remove what is in the shop under the run's numbers, or withdraw it; what is left, in words.

    Nothing else is touched: a number is the run's own, whoever made its product.
    """
    try:
        left = [_taken_back(stand), _files_left(stand)]
    except Exception as error:  # noqa: BLE001 - a stranger's bug must not cost the whole report
        words = f"{type(error).__name__}: {error}"
        return f"Numbers that begin with {PREFIX} may be left in the shop: {words}"
    return " ".join(one for one in left if one)


def _taken_back(stand: Stand) -> str:
    found = _found(stand)
    if not found:
        return ""
    if stand.target.remove is not None:
        stand.target.remove(stand.context(), sorted(found))
        count = len(_found(stand))
        return f"{count} products could not be removed." if count else ""
    failed = _withdraw(stand, found)
    still = f" but for {failed} products" if failed else ""
    return (
        f"What the kit made is left in the shop, inactive{still}: {len(found)} products. "
        "Connectors never delete, and no `--relay-remove` was given. "
        f"Their numbers begin with {PREFIX}."
    )


def _found(stand: Stand) -> dict[str, str]:
    """The number of each product of the run, by its id; a number may have several products."""
    numbers = sorted(stand.numbers)
    if not numbers:
        return {}
    found = {one: number for number, one in stand.lookup(numbers).items()}
    shown = stand.patiently(lambda: list(stand.connector().scan(())))
    ours = [one for one in shown if one.number.startswith(stand.goods.prefix)]
    return {**found, **{one.external_id: one.number for one in ours}}


def _withdraw(stand: Stand, found: Mapping[str, str]) -> int:
    """How many of the products could not be made inactive."""
    documents = []
    for position, (external_id, number) in enumerate(sorted(found.items())):
        article_id = f"relay-kit-left-{position}"
        stand.listings[article_id] = ListingView(article_id, external_id, number, is_active=True)
        documents.append(WithdrawalDocument(article_id))
    size = stand.target.platform.capabilities.max_batch[Topic.ARTICLE]
    parts = [documents[start : start + size] for start in range(0, len(documents), size)]
    sent = [stand.send(Topic.ARTICLE, part) for part in parts]
    return sum(
        one.error_of(document) is not None
        for one, part in zip(sent, parts, strict=True)
        for document in part
    )


def _files_left(stand: Stand) -> str:
    """What there is to say of the files of images, which many shops keep without their product."""
    if not stand.opened or not stand.target.has_address:
        return ""
    named = f"their names begin with {PREFIX.lower()}."
    count = kept_files(stand)
    if count is None:
        return f"Image files of the kit may be left in the shop; {named}"
    return f"{count} image files of the kit are left in the shop; {named}" if count else ""


def _where(error: Exception) -> str:
    """The last place that the error came through."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f"{code.co_name}, line {trace.tb_lineno}: "
