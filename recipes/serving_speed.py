"""What the local server costs: over the bare call of a signature, and what batching saves.

Starts `kgkeras serve` twice on one exported model, without and with batching, and asks each in
turn, so that whatever else the machine does strikes both alike. One client tells what a request
takes beyond the signature called without a server, in turn with it; many tell how many requests a
second are answered. The clients share the machine with the servers and are as light as they can
be: sockets in one thread.

    python recipes/joint_training.py
    python recipes/serving_speed.py

On two cores of an AMD EPYC, which the clients share, with nothing else running, 2026-11-29, three
runs: REST adds 0.6, 1.8 and 0.7 ms to the 8.9, 8.7 and 9.5 ms of the bare signature (1.7, 2.6 and
1.9 ms to the session call that the servers make, which is 0.8 to 1.2 ms faster). 50 clients get
144, 143 and 131 answers a second without batching and 624, 583 and 618 with it, 4.1 to 4.7 times as
many.
"""

import dataclasses
import json
import pathlib
import selectors
import signal
import socket
import statistics
import tempfile
import time

import numpy as np
import serving_load
from rich.console import Console
from rich.table import Table

from kgkeras import training
from kgkeras.training import setting


@dataclasses.dataclass(frozen=True)
class Config:
    """The whole configuration."""

    model_base_path: str = setting("saved_models/joint", "folder of the versions of a model")
    input: str = setting("text", "the string input of its signature `serving_default`")
    value: str = setting("Berlin is the capital of Germany.", "what is asked")
    clients: int = setting(50, "clients that ask at the same time")
    rounds: int = setting(3, "times that each server is asked")
    seconds: float = setting(4.0, "how long each time")
    run: str | None = setting(None, "folder for the servers' logs; else temporary")


def latest(base):
    """The folder of the highest version."""
    versions = [int(path.name) for path in base.glob("*") if path.name.isdigit()]
    if not versions:
        raise FileNotFoundError(
            f"No version of a model in {base}. The default one is what "
            "`python recipes/joint_training.py` exports."
        )
    return str(base / str(max(versions)))


class Bare:
    """The signature itself, called in this process as TensorFlow's own loader gives it."""

    def __init__(self, config, base):
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  (registers its operations)

        self.model = tf.saved_model.load(latest(base))
        self.inputs = {config.input: tf.constant([config.value])}

    def ask(self, seconds):
        """Calls for some time; returns the milliseconds of each call."""
        signature = self.model.signatures["serving_default"]
        times, end = [], time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            answer = signature(**self.inputs)
            [value.numpy() for value in answer.values()]
            times.append(1000 * (time.perf_counter() - start))
        return times


class Session:
    """The signature as the servers call it, in this process."""

    def __init__(self, config, base):
        from kgkeras.serving.servable import Servable

        self.servable = Servable(latest(base), 1)
        self.inputs = {config.input: np.array([config.value.encode()], object)}

    def ask(self, seconds):
        """Calls for some time; returns the milliseconds of each call."""
        times, end = [], time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            self.servable.predict("serving_default", self.inputs)
            times.append(1000 * (time.perf_counter() - start))
        return times


class Connections:
    """Clients in one thread: each asks again as soon as it has its answer."""

    def __init__(self, address, model, body):
        host, port = address.split(":")
        self.address = host, int(port)
        head = f"POST /v1/models/{model}:predict HTTP/1.1\r\nHost: {address}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.request = head.encode() + body

    def ask(self, clients, seconds):
        """Asks for some time; returns the milliseconds that each answer took."""
        selector = selectors.DefaultSelector()
        sockets = [socket.create_connection(self.address) for _ in range(clients)]
        times = []
        for connection in sockets:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, [b"", time.perf_counter()])
            connection.sendall(self.request)
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            for key, _ in selector.select(end - now):
                key.data[0] += key.fileobj.recv(65536)
                if not _is_complete(key.data[0]):
                    continue
                now = time.perf_counter()
                times.append(1000 * (now - key.data[1]))
                key.data[:] = b"", now
                key.fileobj.sendall(self.request)
        for connection in sockets:
            connection.close()
        return times


def _is_complete(answer):
    """Whether an answer is all there; raises if it is none."""
    head, ends, body = answer.partition(b"\r\n\r\n")
    if not answer or not answer.startswith(b"HTTP/1.1 200"[: len(answer)]):
        raise RuntimeError(f"The server refused: {answer[:500]!r}")
    if not ends:
        return False
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return len(body) >= int(length)


def measure(config, servers, calls):
    """Requests a second of each server; milliseconds of one client alone, and of each of `calls`.

    All in turn, as the clock of a busy machine's cores is not the same for long.
    """
    rates, alone = {name: [] for name in servers}, {name: [] for name in (*calls, *servers)}
    for call in calls.values():
        call.ask(1.0)
    for connections in servers.values():
        connections.ask(config.clients, 1.0)  # so that everything is warm
    for _ in range(config.rounds):
        for name, connections in servers.items():
            rates[name].append(len(connections.ask(config.clients, config.seconds)))
            alone[name] += connections.ask(1, config.seconds / 4)
        for name, call in calls.items():
            alone[name] += call.ask(config.seconds / 4)
    return (
        {name: statistics.median(counts) / config.seconds for name, counts in rates.items()},
        {name: statistics.median(times) for name, times in alone.items()},
    )


def main(config):
    """Runs the comparison; prints and returns its figures."""
    start = time.perf_counter()
    base = pathlib.Path(config.model_base_path).absolute()
    calls = {"bare": Bare(config, base), "session": Session(config, base)}
    body = json.dumps({"instances": [{config.input: config.value}]}).encode()
    folder = pathlib.Path(config.run or tempfile.mkdtemp(prefix="serving_speed"))
    folder.mkdir(parents=True, exist_ok=True)
    processes, servers = [], {}
    try:
        for name, batching in (("without", False), ("with", True)):
            process, address = serving_load.start_server(
                folder / f"{name}.log", "speed", base, enable_batching=batching
            )
            processes.append(process)
            servers[name] = Connections(address, "speed", body)
        rates, alone = measure(config, servers, calls)
    finally:
        calls["session"].servable.close()
        for process in processes:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    table = Table(title=f"{base.name}, {config.clients} clients")
    for column in ("batching", "requests/s", "one client alone, ms"):
        table.add_column(column)
    for name in servers:
        table.add_row(name, f"{rates[name]:.0f}", f"{alone[name]:.2f}")
    Console().print(
        table,
        f"the bare signature: {alone['bare']:.2f} ms, as the servers call it, without them: "
        f"{alone['session']:.2f} ms",
    )
    result = {
        "recipe": "serving_speed",
        "batching_ratio": round(rates["with"] / rates["without"], 2),
        "overhead_ms": round(alone["without"] - alone["bare"], 2),
        "overhead_over_session_ms": round(alone["without"] - alone["session"], 2),
        "requests_per_second": round(rates["without"], 1),
        "batched_requests_per_second": round(rates["with"], 1),
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
