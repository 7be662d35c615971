"""The whole service in one process: waitress, a Celery worker and beat, each in its thread.

With the in-memory broker this is all that runs; the broker holds nothing that matters, so a process
that dies loses nothing. Nothing here installs signal handlers.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from celery.beat import EmbeddedService, Scheduler
from celery.worker import WorkController
from celery.worker import state as worker_state
from waitress import wasyncore
from waitress.server import create_server

from integration import counter_store, counters, heartbeats, stages, work_outcomes
from integration.errors import IntegrationError
from integration.runtime import Runtime
from integration.topology import QUEUES

#: Two channels with all three topics under way, live and backfill, leave room for the dispatcher.
WORKER_THREADS = 16
WEB_THREADS = 8
START_DEADLINE_S = 30.0
#: Longer than a stage normally takes, shorter than what supervisors wait before they kill.
STOP_DEADLINE_S = 20.0


class Embedded:
    """Starts with `with`, and stops at its end. One per process: Celery's state is global."""

    def __init__(self, runtime: Runtime) -> None:
        # A wrong schema or key stops the start, not the first item.
        runtime.require_ready()
        self._settings = runtime.settings
        # Takes the port, so that a second start fails here and disturbs nobody.
        self._web = _Web(self._settings.host, self._settings.port)
        if runtime.settings.broker_url.startswith("memory"):
            # The messages of an earlier process died with it: its claims need not wait for
            # their leases.
            with runtime.scope() as session:
                work_outcomes.end_leases(session)
        self._counting = counters.PROCESS.flushing_into(counter_store.sink_of(runtime.scope))
        self._alive = heartbeats.beating(runtime.scope)
        self._worker = _Worker()
        self._beat: Any = None
        self.is_stopped = False

    @property
    def url(self) -> str:
        return f"http://{self._settings.host}:{self._settings.port}"

    def __enter__(self) -> Self:
        from tasks.app import app

        self._counting.__enter__()
        self._worker.start()
        # It does not read beat_scheduler; the default one would leave a file behind.
        self._beat = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)
        self._beat.start()
        self._web.start()
        self._alive.__enter__()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._alive.__exit__(None, None, None)
        # Web first: what is accepted from here on would only wait.
        self._web.stop()
        self._beat.stop()
        self.is_stopped = self._worker.stop()
        self._counting.__exit__(None, None, None)

    def check_alive(self) -> None:
        """Raises: IntegrationError when a part has ended by itself; a supervisor starts again."""
        parts = {"web": self._web.thread, "worker": self._worker.thread, "beat": self._beat}
        for name, thread in parts.items():
            if not thread.is_alive():
                raise IntegrationError(f"the {name} has ended by itself; its log says why")


class _Worker:
    """A Celery worker with a pool of threads for all queues."""

    def __init__(self) -> None:
        from tasks.app import app

        self._is_ready = threading.Event()
        # WorkController and not app.Worker: the latter takes signals and logging over.
        self._controller = WorkController(
            app=app,
            hostname="embedded@localhost",
            pool_cls="threads",
            concurrency=WORKER_THREADS,
            queues=[queue.value for queue in QUEUES],
            loglevel="INFO",
            # Nobody listens to the events and heartbeats of the only worker.
            task_events=False,
            without_heartbeat=True,
            without_gossip=True,
            without_mingle=True,
            ready_callback=lambda _consumer: self._is_ready.set(),
        )
        self.thread = threading.Thread(target=self._controller.start, name="worker", daemon=True)

    def start(self) -> None:
        """Raises: IntegrationError if the worker is not ready in time."""
        worker_state.should_stop = worker_state.should_terminate = None
        stages.STOPPING.clear()
        self.thread.start()
        if not self._is_ready.wait(START_DEADLINE_S):
            raise IntegrationError("the worker does not start; its log says why")

    def stop(self) -> bool:
        """Let running stages end; whether they did in time."""
        stages.STOPPING.set()
        worker_state.should_stop = 0
        self.thread.join(STOP_DEADLINE_S)
        return not self.thread.is_alive()


class _Web:
    """The Flask application, served by waitress."""

    def __init__(self, host: str, port: int) -> None:
        from webhooks.app import create_app

        self._sockets: dict[int, Any] = {}
        try:
            self._server = create_server(
                create_app(), map=self._sockets, host=host, port=port, threads=WEB_THREADS, ident=""
            )
        except OSError as error:
            raise IntegrationError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        self._stopping = threading.Event()
        self.thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Answer what was begun, then close."""
        self._stopping.set()
        self.thread.join(STOP_DEADLINE_S)
        self._server.task_dispatcher.shutdown(cancel_pending=False, timeout=5)
        self._server.close()

    def _serve(self) -> None:
        # The server's own run() cannot be ended from another thread.
        while not self._stopping.is_set():
            wasyncore.loop(timeout=0.5, map=self._sockets, use_poll=True, count=1)
