"""What becomes of a refused token, and of a refused key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vario_relay import ChannelError, CredentialsRefused, Topic, loads
from vario_relay.testing import faults
from vario_relay.testing.holdings import judge
from vario_relay.testing.proxy import Answer, Request
from vario_relay.testing.stand import Stand
from vario_relay.testing.verdicts import Wrong

#: Parts of the names of headers that say who asks.
PROOFS = ("auth", "token")
#: Shorter texts of an answer are no tokens.
SHORTEST_TOKEN = 8


def refused_token(stand: Stand) -> str:
    """A refused token is renewed once and the write repeated; a key holds the channel."""
    articles = stand.batch()
    stand.tokens.asked = stand.tokens.dropped = 0

    with stand.proxy.listening() as heard, stand.failing(faults.answered(401)):
        sent = stand.create(articles)

    judge(stand, articles, sent)
    if not stand.tokens.asked and is_token_given(heard):
        raise Wrong("it fetches a token of its own; the tokens of the context are for all workers")
    if stand.tokens.asked:
        if stand.tokens.dropped != 1:
            raise Wrong(f"401: the token was dropped {stand.tokens.dropped} times instead of once")
        if sent.met:
            raise Wrong(f"401 with a new token to be had: {sent.met[0]}")
        return _refused_for_good(stand, "renewed once")
    if not sent.met:
        raise Wrong("401, and no error says so")
    if not isinstance(sent.met[0], ChannelError):
        raise Wrong(f"401 does not hold the channel: {sent.met[0]}")
    return _refused_for_good(stand, "no token, the channel is held")


def _refused_for_good(stand: Stand, words: str) -> str:
    articles = stand.goods.articles(2)
    fault = faults.answered(401)
    fault.times = None
    with stand.failing(fault):
        sent = stand.send(Topic.ARTICLE, articles, most_pushes=1)
    if not sent.met or not isinstance(sent.met[0], CredentialsRefused):
        what = sent.met[0] if sent.met else "no error"
        raise Wrong(f"401 to every write is no CredentialsRefused: {what}")
    return words


def is_token_given(heard: Sequence[tuple[Request, Answer]]) -> bool:
    """Whether a text of an answer went out later to say who asks, as a token that was fetched."""
    given, known = set[str](), set[str]()
    for request, answer in heard:
        proofs = {
            value
            for name, value in request.headers.items()
            if any(part in name.lower() for part in PROOFS)
        }
        if any(proof.endswith(tuple(given)) for proof in proofs - known):
            return True
        known |= proofs
        given |= {one for one in _texts(_json_of(answer)) if len(one) >= SHORTEST_TOKEN}
    return False


def _json_of(answer: Answer) -> Any:
    try:
        return loads(answer.body)
    except ValueError:
        return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
