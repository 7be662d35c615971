"""The web process. Address and port are settings of the service; the rest is sized here.

A request is one short transaction, so threads wait for the database and two processes are there to
use both cores and to keep answering while one is replaced.
"""

from gunicorn.workers.base import Worker

from integration import counter_store, counters, db, heartbeats, observe, settings
from integration.memory import collect_seldom
from tasks.wake import wake

collect_seldom()
_settings = settings.current()

bind = f"{_settings.host}:{_settings.port}"
workers = 2
worker_class = "gthread"
threads = 8
# The ERP gives up earlier; what takes longer than this hangs.
timeout = 30
# Platforms send SIGKILL 30 s after SIGTERM.
graceful_timeout = 20
keepalive = 5
# Bounds what a leak can cost; the jitter keeps both processes from leaving at once.
max_requests = 20_000
max_requests_jitter = 2_000
# The log of the service itself says more about each webhook than an access log would.
accesslog = None
# Without the query, should somebody switch it on: the ERP opens the install page with tokens in it.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(b)s %(D)s'
# Two tokens make that address long; this is as long as it may be.
limit_request_line = 8190
# Nobody uses it, and two installations of one account would share its path.
control_socket_disable = True


def post_worker_init(worker: Worker) -> None:
    """The service's own log lines, one per webhook, secrets masked; its counts; its heartbeat; a
    first nudge.

    What is due may go, and the nudge loads Celery, which takes a second, before a webhook comes.
    """
    observe.set_up_logging(_settings.log_level)
    for logger in (worker.log.error_log, worker.log.access_log):
        observe.mask_handlers(logger)
    counters.PROCESS.flush_into(counter_store.sink_of(db.session_scope))
    heartbeats.start(db.session_scope)
    wake()
