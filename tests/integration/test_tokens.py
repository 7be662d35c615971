"""Access tokens: fetched once however many ask, renewed before they end, dropped when refused."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from integration.clock import db_now
from integration.errors import Busy, TenantError, TransientError
from integration.models import AccessToken
from integration.tokens import KEPT_S, DbTokenStore
from integration.vault import Vault, new_key
from tests.engines import executed
from tests.integration.support import PATIENCE_S, Database

VAULT = Vault((new_key(),))
NAME = "erp:1"


class Issuer:
    """Issues t1, t2, ... and counts."""

    def __init__(self, life_s: float = 600.0) -> None:
        self.life_s, self.issued = life_s, 0

    def __call__(self) -> tuple[str, float]:
        self.issued += 1
        return f"t{self.issued}", self.life_s


def store(database: Database, vault: Vault = VAULT, name: str = NAME, **options) -> DbTokenStore:
    return DbTokenStore(database.scope, vault, name, **options)


def change(database: Database, **values) -> None:
    """What time, or another process, does to the token."""
    with database.scope() as session:
        session.execute(update(AccessToken).values(**values))


def row(database: Database) -> AccessToken:
    with database.scope() as session:
        return session.scalars(select(AccessToken)).one()


def test_a_token_is_fetched_once(database):
    issuer = Issuer()

    tokens = [store(database).get(issuer) for _ in range(3)]

    assert (tokens, issuer.issued) == (["t1"] * 3, 1)


@pytest.mark.contract("10.18")
def test_a_token_is_sealed(database):
    # with blanks, which a sealed text never has: a short one stands in it by chance
    secret = "an access token"

    store(database).get(lambda: (secret, 600.0))

    assert secret not in row(database).token
    assert VAULT.open(row(database).token) == secret


def test_a_token_lives_for_all_processes(database):
    store(database).get(Issuer())
    other = DbTokenStore(database.scope, VAULT, NAME)

    assert other.get(lambda: pytest.fail("asked again")) == "t1"


def test_each_name_has_a_token_of_its_own(database):
    issuer = Issuer()

    assert store(database, name="shop:1").get(issuer) == "t1"
    assert store(database, name="shop:2").get(issuer) == "t2"


def test_a_token_that_was_read_is_kept_for_the_next_requests_of_its_reader(database):
    now = [0.0]
    reader = store(database, clock=lambda: now[0])
    store(database).get(Issuer())
    reader.get(Issuer())

    with executed(database.engine) as statements:
        assert reader.get(Issuer()) == "t1"
        assert statements == []
        now[0] = KEPT_S
        assert reader.get(Issuer()) == "t1"
    assert len(statements) == 1


def test_a_reader_that_keeps_what_another_process_has_dropped_drops_it_and_reads_the_newer(
    database,
):
    issuer, reader, other = Issuer(), store(database), store(database)
    store(database).get(issuer)
    assert reader.get(issuer) == "t1"
    other.drop("t1")
    assert other.get(issuer) == "t2"

    reader.drop(reader.get(issuer))

    assert (reader.get(issuer), other.get(issuer), issuer.issued) == ("t2", "t2", 2)


def test_a_token_is_kept_no_longer_than_until_it_is_renewed(database):
    now, issuer = [0.0], Issuer(life_s=4.0)
    reader = store(database, clock=lambda: now[0])
    store(database).get(issuer)
    reader.get(issuer)

    now[0] = 3.7
    change(database, renew_at=db_now(-1))

    assert reader.get(issuer) == "t2"


@pytest.mark.contract("10.7")
def test_a_token_is_renewed_at_90_percent_of_its_life(database):
    store(database).get(Issuer(life_s=1_000.0))
    kept = row(database)

    assert (kept.expires_at - kept.renew_at).total_seconds() == pytest.approx(100.0, abs=1.0)

    issuer = Issuer()
    issuer.issued = 1
    assert store(database).get(issuer) == "t1"
    change(database, renew_at=db_now(-1))
    assert store(database).get(issuer) == "t2"


@pytest.mark.contract("10.7")
def test_threads_that_ask_together_fetch_once(database):
    issuer, entered, go = Issuer(), threading.Event(), threading.Event()

    def slow() -> tuple[str, float]:
        entered.set()
        assert go.wait(PATIENCE_S)
        return issuer()

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(store(database).get, slow) for _ in range(8)]
        assert entered.wait(PATIENCE_S)
        go.set()
        tokens = {future.result(PATIENCE_S) for future in futures}

    assert (tokens, issuer.issued) == ({"t1"}, 1)


def test_while_another_process_renews_the_old_token_serves(database):
    store(database).get(Issuer())
    change(database, renew_at=db_now(-1), renewing_until=db_now(60))

    assert store(database).get(lambda: pytest.fail("asked too")) == "t1"


def test_while_another_process_renews_an_expired_token_one_waits(database):
    store(database).get(Issuer())
    change(database, renew_at=db_now(-2), expires_at=db_now(-1), renewing_until=db_now(60))

    with pytest.raises(Busy) as busy:
        store(database).get(lambda: pytest.fail("asked too"))

    assert busy.value.retry_after_s == 1.0


@pytest.mark.pitfall(11)
def test_a_process_that_died_while_renewing_is_followed_by_another(database):
    store(database).get(Issuer())
    change(database, renew_at=db_now(-2), expires_at=db_now(-1), renewing_until=db_now(-1))
    issuer = Issuer()
    issuer.issued = 1

    assert store(database).get(issuer) == "t2"
    assert row(database).renewing_until is None


def test_a_failed_renewal_lets_the_next_one_try(database):
    def fail() -> tuple[str, float]:
        raise TransientError("the ERP is away")

    with pytest.raises(TransientError):
        store(database).get(fail)

    assert store(database).get(Issuer()) == "t1"


def test_a_dropped_token_is_fetched_anew(database):
    issuer = Issuer()
    store(database).get(issuer)

    store(database).drop("t1")

    assert row(database).token is None
    assert store(database).get(issuer) == "t2"


def test_a_newer_token_survives_the_drop_of_an_older_one(database):
    issuer = Issuer()
    store(database).get(issuer)
    store(database).drop("t1")
    store(database).get(issuer)

    store(database).drop("t1")

    assert store(database).get(issuer) == "t2"


def test_there_may_be_nothing_to_drop(database):
    store(database).drop("t1")

    assert store(database).get(Issuer()) == "t1"


def test_a_token_fetched_while_an_older_one_is_dropped_stays(postgres):
    """Between reading the old token and forgetting it, another process stores a new one."""
    store(postgres).get(Issuer())

    class Slow(Vault):
        def open(self, sealed: str) -> str:
            change(postgres, token=VAULT.seal("new"))
            return VAULT.open(sealed)

    store(postgres, Slow((new_key(),))).drop("t1")

    assert store(postgres).get(lambda: pytest.fail("the new one was lost")) == "new"


@pytest.mark.contract("10.7")
def test_a_sign_in_that_hangs_blocks_nobody_but_the_one_who_asks_it(database):
    entered, go = threading.Event(), threading.Event()

    def hang() -> tuple[str, float]:
        entered.set()
        assert go.wait(PATIENCE_S)
        raise TransientError("the sign-in did not answer")

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(store(database).get, hang)
        assert entered.wait(PATIENCE_S)
        # Each of these returns, although the first one still waits for its answer.
        for _ in range(3):
            with pytest.raises(Busy):
                store(database, patience_s=0.01).get(lambda: pytest.fail("asked too"))
        go.set()
        with pytest.raises(TransientError, match="did not answer"):
            asking.result(PATIENCE_S)


def test_a_sign_in_that_fails_is_overlooked_and_let_alone_while_the_old_token_is_valid(database):
    store(database).get(Issuer())
    change(database, renew_at=db_now(-1))

    def fail() -> tuple[str, float]:
        raise TransientError("504")

    assert store(database).get(fail) == "t1"
    assert store(database).get(lambda: pytest.fail("asked at once again")) == "t1"

    issuer = Issuer()
    issuer.issued = 1
    change(database, renewing_until=db_now(-1))
    assert store(database).get(issuer) == "t2"


def test_a_refused_app_is_not_overlooked_although_the_old_token_is_valid(database):
    store(database).get(Issuer())
    change(database, renew_at=db_now(-1))

    def refuse() -> tuple[str, float]:
        raise TenantError("reconnect the app")

    with pytest.raises(TenantError):
        store(database).get(refuse)


def test_a_sign_in_that_hangs_rests_although_no_token_is_left(database):
    now = [0.0]

    def hang() -> tuple[str, float]:
        now[0] += 15.0
        raise TransientError("the sign-in did not answer")

    with pytest.raises(TransientError, match="did not answer"):
        store(database, clock=lambda: now[0], hanging_rest_s=10.0).get(hang)

    with pytest.raises(Busy):  # costs no attempt, and no worker its time
        store(database).get(lambda: pytest.fail("asked at once again"))
    change(database, renewing_until=db_now(-1))
    assert store(database).get(Issuer()) == "t1"
