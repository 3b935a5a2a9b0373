"""Requests that nobody in good faith would send, to a server in a process of its own."""

import contextlib
import http.client
import json
import pathlib
import random
import re
import socket
import threading
import time
import urllib.parse

import pytest

PREDICT = "/v1/models/kinds:predict"
SECONDS = 30


def address(running):
    parts = urllib.parse.urlsplit(running.url)
    return parts.hostname, parts.port


def exchange(running, data, patience=2.0):
    """Sends bytes, and none after them; returns all that comes back.

    Where nothing comes for as long as `patience`, the end of the bytes is told.
    """
    answer = b""
    with socket.create_connection(address(running), timeout=patience) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            while True:
                try:
                    chunk = connection.recv(2**16)
                except TimeoutError:
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(SECONDS)
                    continue
                if not chunk:
                    break
                answer += chunk
    return answer


def memory(running):
    """Resident memory of the server, in MiB."""
    status = pathlib.Path(f"/proc/{running.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def alive(running):
    """Whether the server still answers a request as it should."""
    connection = http.client.HTTPConnection(*address(running), timeout=SECONDS)
    body = json.dumps({"signature_name": "double", "instances": [1.5]})
    connection.request("POST", PREDICT, body)
    answer = json.load(connection.getresponse())
    connection.close()
    return running.process.poll() is None and answer == {"predictions": [3.0]}


def request(method="POST", path=PREDICT, headers=(), body=b"{}"):
    lines = [f"{method} {path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}"]
    lines += ["Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/../../etc/passwd:predict",
        "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd:predict",
        "/v1/models/..%5c..:predict",
        "/v1/models/kinds%00:predict",
        "/v1/models/kinds%0d%0aX: y:predict",
        "/v1/models/%FF%FE:predict",
        "/v1/models/" + "a" * 10_000 + ":predict",
        "/v1/models/" + "%2e" * 3_000 + ":predict",
        "/v1/models//kinds:predict",
        "/v1/models/kinds/versions/-1:predict",
        "/v1/models/kinds/versions/²:predict",
        "/v1/models/kinds/labels/%00:predict",
        "/v1/./models/kinds:predict",
        "//v1/models/kinds:predict",
        "http://elsewhere/v1/models/kinds:predict",
        "*",
    ],
)
def test_tricks_in_paths(running, path):
    answer = exchange(running, request(path=path))
    assert re.match(rb"HTTP/1.1 4\d\d ", answer), answer
    assert b"passwd" not in answer.replace(path.encode(), b"").split(b"\r\n\r\n")[0]
    assert alive(running)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/html", "multipart/form-data", "application/x-protobuf", "\xff", "a" * 9999],
)
def test_content_types_do_not_matter(running, content_type):
    body = b'{"signature_name": "double", "instances": [1]}'
    header = f"Content-Type: {content_type}".encode("latin-1").decode("utf-8", "surrogateescape")
    answer = exchange(running, request(headers=[header], body=body))
    assert re.match(rb"HTTP/1.1 (200|4\d\d) ", answer), answer


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{}",
        b'{"instances": ["\xc3("]}',
        b'{"instances": ["\xed\xa0\x80"]}',
        "{}".encode("utf-16"),
        b"\x00" * 1000,
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b'{"instances": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"instances": [' + b"9" * 1_000_000 + b"]}",
        b'{"instances": [1e' + b"9" * 1_000_000 + b"]}",
        b'{"' + b"a" * 1_000_000,
        b'{"signature_name": "' + b"\\u0000" * 100_000 + b'", "instances": [1]}',
    ],
)
def test_bodies_that_are_no_request(running, body):
    answer = exchange(running, request(body=body))
    assert re.match(rb"HTTP/1.1 4\d\d ", answer), answer[:500]
    assert len(answer) < 700_000
    assert alive(running)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # how TLS begins
        b"GET\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        request(headers=["Content-Length: 7"]),
        request().replace(b"Content-Length: 2", b"Content-Length: -2"),
        request().replace(b"Content-Length: 2", b"Content-Length: " + b"9" * 5000),
        request(headers=["Transfer-Encoding: chunked"], body=b"5\r\nhello\r\nzz\r\n"),
        request(headers=["Transfer-Encoding: gzip, chunked"]),
        request(headers=[f"X-{i}: {'a' * 100}" for i in range(10_000)]),
        request(headers=["X: " + "a" * 10**6]),
        request(headers=["Broken"]),
        request(headers=["A\x00: b"]),
        b"\r\n" * 10_000,
        b"CONNECT /v1/models/kinds HTTP/1.1\r\nHost: here\r\n\r\n",
        b"CONNECT here:80 HTTP/1.1\r\nHost: here\r\n\r\n",
    ],
)
def test_what_is_not_http(running, data):
    answer = exchange(running, data)
    assert not answer or re.match(rb"HTTP/1.1 4\d\d ", answer), answer[:500]
    assert alive(running)


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
@pytest.mark.parametrize("sent_at_once", [10_000, 150, 1])
def test_upgrades_are_not_made(running, protocol, sent_at_once):
    headers = ["Connection: upgrade", f"Upgrade: {protocol}", "Sec-WebSocket-Version: 13"]
    sent = request(headers=headers, body=b'{"signature_name": "double", "instances": [1]}')
    with socket.create_connection(address(running), timeout=SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(sent), sent_at_once):
            connection.sendall(sent[start : start + sent_at_once])
        answer = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"predictions": [2.0]}


SEEDS = [
    {"signature_name": "double", "instances": [1.5, -2e9]},
    {"instances": [{"x": 1, "y": 2.5}, {"x": 3, "y": 4}]},
    {"inputs": {"x": [1, 2], "y": [3, 4]}},
    {"signature_name": "text", "instances": ["köln", {"b64": "/w=="}]},
    {"signature_name": "pairs", "inputs": [[1, 2], [3, 4]]},
    {"signature_name": "same", "inputs": [[[1.0], [2.0]]]},
    {"signature_name": "classify", "context": {"x": 1.0}, "examples": [{"x": 0.5}, {}]},
]
TOKENS = [*b'{}[]",:\\0123456789.eE+-nt \x00\xff\xc3\r\n%/', *range(256)]
PIECES = [
    b"[[[[",
    b"]]",
    b"{}",
    b"null",
    b"1e999",
    b"-0",
    b'"b64"',
    b"\\ud800",
    b"NaN",
    b"\xed\xa0",
]


def mutated(rng, data):
    """The bytes with one to eight changes."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            data[place : place + 1] = bytes([rng.choice(TOKENS)])
        elif kind == 1:
            del data[place : place + rng.randint(1, 20)]
        elif kind == 2:
            data[place:place] = rng.choice(PIECES)
        elif kind == 3:
            data[place:place] = data[place : place + rng.randint(1, 50)] * rng.randint(1, 5)
        else:
            data[place:place] = bytes([rng.choice(TOKENS)])
    return bytes(data)


def attack(running, seed, count, refused):
    """Sends mutated bodies, paths, and whole requests; collects the answers that must not be."""
    rng = random.Random(seed)
    connection = http.client.HTTPConnection(*address(running), timeout=SECONDS)
    for number in range(count):
        body = json.dumps(rng.choice(SEEDS)).encode()
        if number % 10 == 0:
            answer = exchange(running, mutated(rng, request(body=body)), 0.2)
            if answer and not re.match(rb"HTTP/1.1 (200|4\d\d|501) ", answer):
                refused.append(answer)
            continue
        path = PREDICT if rng.random() < 0.8 else "/v1/models/kinds:classify"
        if number % 10 == 1:
            path = urllib.parse.quote_from_bytes(mutated(rng, path.encode()), safe="/:%?#")
        else:
            body = mutated(rng, body)
        try:
            connection.request("POST", path, body)
            response = connection.getresponse()
            text = response.read()
        except (http.client.HTTPException, ConnectionError):
            connection.close()
            continue
        if response.status not in (200, 501) and not 400 <= response.status < 500:
            refused.append((path, body, response.status, text))
    connection.close()


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutated_requests(running, count):
    refused, threads = [], 4
    attack(running, 0, 200, refused)  # threads and buffers come with the first requests
    before = memory(running)
    workers = [
        threading.Thread(target=attack, args=(running, seed, count // threads, refused))
        for seed in range(1, threads + 1)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert refused == []
    assert alive(running)
    assert memory(running) - before < 64
    assert "Traceback" not in running.log.read_text()


@pytest.mark.slow
def test_silent_clients_keep_nobody_out_for_long(running):
    announced = request().replace(b"Content-Length: 2", b"Content-Length: 1000000000")
    before = memory(running)
    with contextlib.ExitStack() as stack:
        for number in range(300):  # more than the server takes at once
            connection = socket.create_connection(address(running), timeout=SECONDS)
            stack.enter_context(connection)
            with contextlib.suppress(ConnectionError):
                connection.sendall(announced if number % 10 == 0 else announced[:20])
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:  # they stay, and say nothing
            with contextlib.suppress(OSError, ValueError):
                if alive(running):
                    break
            time.sleep(0.5)
        assert time.monotonic() < deadline
    assert memory(running) - before < 64
