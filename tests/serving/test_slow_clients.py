"""Clients that hold connections without asking, over HTTP as it is on the wire."""

import contextlib
import json
import socket
import threading
import time

import pytest
import uvicorn

from kgkeras.serving.http_protocol import TimedProtocol
from kgkeras.serving.registry import Registry
from kgkeras.serving.rest import create_app
from kgkeras.serving.servable import Servable

SECONDS = 0.5
MAX_BYTES = 2**16


class Impatient(TimedProtocol):
    seconds_to_ask = SECONDS
    seconds_to_read = SECONDS


@pytest.fixture(scope="module")
def server(base_path):
    """A server, at `server.address`, that waits half a second for anything."""
    registry = Registry({"kinds": {2: Servable(base_path / "00000002", 2)}})
    app = create_app(registry, MAX_BYTES, timeout=SECONDS)
    config = uvicorn.Config(app, http=Impatient, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**14)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        server.address = listener.getsockname()
        yield server
        server.should_exit = True
        thread.join()
    registry.close()


@pytest.fixture
def connection(server):
    with socket.create_connection(server.address, timeout=30) as connection:
        yield connection


def received(connection):
    """All that comes until the server ends the connection."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(2**16):
            data += chunk
    return data


def refused(answer, status, message):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert b"connection: close" in head
    assert message in json.loads(body)["error"]


def post(length, body=b"", more=b""):
    return (
        b"POST /v1/models/kinds:predict HTTP/1.1\r\nHost: here\r\n"
        b"Content-Length: " + str(length).encode() + b"\r\n" + more + b"\r\n" + body
    )


@pytest.mark.parametrize("sent", [b"", b"POST /v1/models/kinds:pre", post(5)[:-2]])
def test_headers_have_their_time(connection, sent):
    start = time.monotonic()
    connection.sendall(sent)
    assert received(connection) == b""
    assert SECONDS / 2 < time.monotonic() - start < 10


def test_headers_byte_by_byte_have_no_more_time(connection):
    start = time.monotonic()
    with contextlib.suppress(ConnectionError):
        for i in range(1000):
            connection.sendall(post(5)[i : i + 1])
            time.sleep(SECONDS / 10)
    assert time.monotonic() - start < 10
    assert received(connection) == b""


def test_bodies_have_their_time(connection):
    connection.sendall(post(1000, b'{"instances": '))
    refused(received(connection), 408, "took longer than 0.5 seconds")


def test_bodies_that_are_announced_as_huge_are_refused_at_once(connection):
    start = time.monotonic()
    connection.sendall(post(10**9))
    refused(received(connection), 413, f"longer than {MAX_BYTES} bytes")
    assert time.monotonic() - start < SECONDS


def test_clients_that_wait_to_be_asked_for_the_body(connection):
    connection.sendall(post(10**9, more=b"Expect: 100-continue\r\n"))
    answer = received(connection)
    assert b"100 Continue" not in answer
    refused(answer, 413, "longer than")


def test_many_requests_on_one_connection_take_what_time_they_need(connection):
    body = b'{"signature_name": "double", "instances": [1.5]}'
    for _ in range(4):
        connection.sendall(post(len(body), body)[:40])
        time.sleep(SECONDS / 2)
        connection.sendall(post(len(body), body)[40:])
        answer = b""
        while not answer.endswith(b"]}"):
            answer += connection.recv(2**16)
        assert answer.startswith(b"HTTP/1.1 200 OK")


def test_broken_chunks(connection):
    head = post(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    connection.sendall(head + b"5\r\nhello\r\nnonsense\r\n\r\n")
    answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert body == {"error": "Malformed request: Invalid character in chunk size"}


def test_too_many_connections(server, monkeypatch):
    monkeypatch.setattr(Impatient, "most_connections", 1)
    with (
        socket.create_connection(server.address, timeout=30) as first,
        socket.create_connection(server.address, timeout=30) as second,
    ):
        wait_until(lambda: len(server.server_state.connections) == 2)
        for connection in (first, second):
            connection.sendall(b"GET /v1/models/kinds HTTP/1.1\r\nHost: here\r\n\r\n")
        assert first.recv(2**16).startswith(b"HTTP/1.1 200 OK")
        answer = received(second)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Too many connections." in answer
        assert b"application/json" in answer


def test_broken_chunks_after_the_answer(connection):
    head = b"POST /elsewhere HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head + b"5\r\nhello\r\n")
    answer = b""
    while not answer.endswith(b"Not Found"):
        answer += connection.recv(2**16)
    assert answer.startswith(b"HTTP/1.1 404 ")
    connection.sendall(b"nonsense\r\n\r\n")
    assert received(connection) == b""


def test_answers_must_be_taken(server, connection):
    # The metadata, asked for again and again, fills every buffer on the way.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = b"GET /v1/models/kinds/metadata HTTP/1.1\r\nHost: here\r\n\r\n"
    connection.sendall(request)
    wait_until(lambda: server.server_state.connections)
    with contextlib.suppress(ConnectionError):
        connection.sendall(request * 100)
    wait_until(lambda: not server.server_state.connections)


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
