"""The statements of the daily work are compiled once per process, not with each batch."""

from integration.topology import Topic

MOVED = (Topic.STOCK, Topic.PRICE, Topic.ARTICLE)


def test_a_batch_like_one_before_compiles_no_statement(relay, monkeypatch):
    articles = [one for one in relay.articles() if one["listed"] and one["active"]][:5]

    def work(value: int) -> None:
        for article in articles:
            relay.edit(article, name=f"Fassung {value}", gross=f"{value}.50", stock=value)
        for topic in MOVED:
            relay.hint(topic, *articles)
        relay.retries_are_due()
        relay.drain()

    for value in (10, 11):
        work(value)
    compiled = []
    dialect = relay.runtime.engine.dialect
    # Asked of a connection that nobody used for a while; once is enough for it, too.
    with relay.runtime.engine.connect() as connection:
        dialect.do_ping(connection.connection.dbapi_connection)

    class Watched(dialect.statement_compiler):
        def __init__(self, dialect, statement, **options):
            super().__init__(dialect, statement, **options)
            compiled.append(self.string[:200])

    monkeypatch.setattr(dialect, "statement_compiler", Watched)
    work(12)

    assert relay.errors == []
    assert [relay.product(one)["stock"] for one in articles] == [12] * 5
    assert compiled == []
