"""Load on the local server while versions are swapped below the clients, one of them broken.

Starts `kgkeras serve` in a process of its own, lets clients ask without a pause, publishes one
version after the other as an export does, and in the middle a folder that is no SavedModel. Each
answer must come from a version that was available when the request was under way.

    python recipes/serving_load.py
    python recipes/serving_load.py --clients 8 --seconds 10 --batching

The first command, on two cores of an AMD EPYC, which the clients share, 2026-11-29: 60 s, 62428
requests, none failed, none answered by a version that was not available, 10 swaps, p50 43 ms, p99
202 ms.
"""

import dataclasses
import http.client
import json
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import tensorflow as tf

from kgkeras import training
from kgkeras.training import setting

READY = re.compile(r"Exporting HTTP/REST API at: http://(\S+)")
MODEL = "/v1/models/versions"
BODY = json.dumps({"instances": [1.0]})


@dataclasses.dataclass(frozen=True)
class Config:
    """The whole configuration."""

    seconds: float = setting(60.0, "how long to ask, at least")
    clients: int = setting(50, "clients that ask at the same time")
    swaps: int = setting(10, "versions that follow the first one")
    poll_seconds: float = setting(0.2, "how often the server looks for versions")
    batching: bool = setting(False, "let the server run requests together")
    run: str | None = setting(None, "folder for the versions and the server's log; else temporary")


class Version(tf.Module):
    """A model that answers with its version."""

    def __init__(self, version):
        self.version = tf.Variable(float(version))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def answer(self, x):
        return {"version": x * self.version}


def publish(folder, version):
    """Makes a version that was prepared visible to the server, at once."""
    (folder / "prepared" / str(version)).rename(folder / "published" / str(version))
    return time.perf_counter()


def prepare(folder, versions, broken):
    """Exports all versions to where the server does not look."""
    (folder / "published").mkdir(parents=True)
    for version in versions:
        path = folder / "prepared" / str(version)
        if version == broken:
            path.mkdir()
            (path / "saved_model.pb").write_bytes(b"not a SavedModel")
        else:
            model = Version(version)
            tf.saved_model.save(model, str(path), {"serving_default": model.answer})


def start_server(log, name, base, **flags):
    """Starts a server for one model; returns its process and its address."""
    command = [sys.executable, "-m", "kgkeras", "serve", f"--model_name={name}", "--port=0"]
    command += [f"--model_base_path={base}", "--rest_api_port=0"]
    command += [f"--{flag}={str(value).lower()}" for flag, value in flags.items()]
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    while not (ready := READY.search(log.read_text())):
        if process.poll() is not None:
            raise RuntimeError(f"The server did not start:\n{log.read_text()}")
        time.sleep(0.05)
    return process, ready.group(1)


class Client(threading.Thread):
    """Asks until it is told to stop; keeps when it asked, when it was answered, and by whom."""

    def __init__(self, address, stop):
        super().__init__()
        self.address = urllib.parse.urlsplit(f"//{address}")
        self.stop = stop
        self.answers = []  # of begin, end, version
        self.failures = []

    def run(self):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port)
        while not self.stop.is_set():
            begin = time.perf_counter()
            try:
                connection.request("POST", f"{MODEL}:predict", BODY)
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            end = time.perf_counter()
            if response.status == 200:
                self.answers.append((begin, end, int(json.loads(text)["predictions"][0])))
            else:
                self.failures.append(f"{response.status} {text[:200]}")
        connection.close()


def await_state(address, version, state, seconds=60.0):
    """Waits until a version is in a state; returns when it was seen to be."""
    deadline = time.perf_counter() + seconds
    parts = urllib.parse.urlsplit(f"//{address}")
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    while time.perf_counter() < deadline:
        connection.request("GET", MODEL)
        statuses = json.load(connection.getresponse())["model_version_status"]
        if any(s["version"] == str(version) and s["state"] == state for s in statuses):
            connection.close()
            return time.perf_counter()
        time.sleep(0.02)
    raise RuntimeError(f"Version {version} did not become {state} in {seconds} s.")


def swap(config, folder, address, versions, broken):
    """Publishes all versions; returns for each when it may answer first and last."""
    first, last = {versions[0]: 0.0}, {}
    start = time.perf_counter()
    current = versions[0]
    for index, version in enumerate(versions[1:], 1):
        due = start + config.seconds * index / len(versions)
        time.sleep(max(0.0, due - time.perf_counter()))
        published = publish(folder, version)
        if version == broken:
            await_state(address, version, "END")
            continue
        first[version] = published
        last[current] = await_state(address, version, "AVAILABLE")
        current = version
    last[current] = float("inf")
    time.sleep(max(0.0, start + config.seconds - time.perf_counter()))
    return first, last


def is_right(answer, first, last):
    """Whether an answer is from a version that was available during the request."""
    begin, end, version = answer
    return version in first and first[version] <= end and begin <= last[version]


def main(config):
    """Runs the load; prints and returns its figures."""
    folder = pathlib.Path(config.run or tempfile.mkdtemp(prefix="serving_load"))
    versions = list(range(1, config.swaps + 3))
    broken = versions[len(versions) // 2]
    prepare(folder, versions, broken)
    publish(folder, versions[0])
    process, address = start_server(
        folder / "server.log",
        "versions",
        folder / "published",
        file_system_poll_wait_seconds=config.poll_seconds,
        enable_batching=config.batching,
    )
    stop = threading.Event()
    clients = [Client(address, stop) for _ in range(config.clients)]
    start = time.perf_counter()
    try:
        for client in clients:
            client.start()
        first, last = swap(config, folder, address, versions, broken)
    finally:
        stop.set()
        for client in clients:
            client.join()
        seconds = time.perf_counter() - start
        process.send_signal(signal.SIGTERM)
        exit_status = process.wait(timeout=60)
    answers = [answer for client in clients for answer in client.answers]
    failures = [failure for client in clients for failure in client.failures]
    for failure in sorted(set(failures))[:10]:
        print(f"failed: {failure}")
    if config.run is None:
        shutil.rmtree(folder)
    cuts = statistics.quantiles([1000 * (end - begin) for begin, end, _ in answers], n=100)
    result = {
        "recipe": "serving_load",
        "p50_ms": round(cuts[49], 2),
        "p99_ms": round(cuts[98], 2),
        "requests": len(answers) + len(failures),
        "failed": len(failures),
        "wrong_version": sum(not is_right(answer, first, last) for answer in answers),
        "versions_seen": len({version for _, _, version in answers}),
        "swaps": len(last) - 1,
        "requests_per_second": round(len(answers) / seconds, 1),
        "exit_status": exit_status,
        "seconds": round(seconds, 1),
    }
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main(training.parse_config(Config, __doc__))
