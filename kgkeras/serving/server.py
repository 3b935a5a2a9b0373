"""Runs the local server: finds a model, loads it, answers until it is told to stop."""

import contextlib
import logging
import signal
import socket
import threading

import uvicorn

from kgkeras.serving.registry import Registry
from kgkeras.serving.status import Code, StatusError
from kgkeras.serving.versions import find_versions

_LOG = logging.getLogger(__name__)
_SECONDS_TO_FINISH = 30
# Beyond that many connections at once, the answer is HTTP status 503: with the limit of a body it
# bounds what requests can take of the memory.
_MAX_CONNECTIONS = 256


def serve(
    model_base_path,
    *,
    model_name="default",
    host="127.0.0.1",
    rest_api_port=8501,
    enable_model_warmup=True,
    max_body_bytes=16 * 2**20,
):
    """Serves the latest version of a model over TensorFlow Serving's REST interface.

    Returns after SIGINT or SIGTERM, when the requests under way have been answered. Where requests
    are answered, the log says `Exporting HTTP/REST API at: http://HOST:PORT`.

    Args:
        model_base_path: Folder with one SavedModel a version: `model_base_path/1/saved_model.pb`.
        model_name: The name in URLs.
        host: Address to listen on; by default nobody outside this machine can connect.
        rest_api_port: Port to listen on; 0 takes a free one.
        enable_model_warmup: Whether to run the warmup requests that the export brings along.
        max_body_bytes: Longer request bodies are refused with HTTP status 413.

    Raises:
        StatusError: Where the folder, the model or the address is not as it must be.
    """
    version, path = list(find_versions(model_base_path).items())[-1]
    with _bind(host, rest_api_port) as listener:
        # TensorFlow takes seconds to import: mistakes in the arguments are told before.
        from kgkeras.serving.rest import create_app

        registry = Registry({model_name: {version: _load(path, version, enable_model_warmup)}})
        _LOG.info("Loaded %s, version %d of %s", path, version, model_name)
        try:
            _run(create_app(registry, max_body_bytes), listener)
        finally:
            registry.close()


def _load(path, version, enable_warmup):
    from kgkeras.serving.servable import Servable
    from kgkeras.serving.warmup import warm_up

    servable = Servable(path, version)
    if not enable_warmup:
        return servable
    try:
        warm_up(servable)
    except StatusError as error:
        servable.close()
        raise StatusError(
            error.code, f"Warmup of the SavedModel in {path} failed: {error.message}"
        ) from error
    return servable


def _bind(host, port):
    """A socket that holds the address; it listens once there is a model to answer."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error
    return listener


def _cannot_listen(host, port, error):
    return StatusError(Code.UNAVAILABLE, f"Cannot listen on {host} port {port}: {error.strerror}")


def _run(app, listener):
    """Answers requests until a signal says to stop."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    with _stop_quietly():
        _Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _stop_quietly():
    """Ignores the signals that uvicorn, once it has stopped, raises again for its caller."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in stopping}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(uvicorn.Server):
    """Says where it answers as soon as it does."""

    async def startup(self, sockets=None):
        await super().startup(sockets)
        host, port = sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        _LOG.info("Exporting HTTP/REST API at: http://%s:%d", shown, port)
