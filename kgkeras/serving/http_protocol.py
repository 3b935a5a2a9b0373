"""HTTP connections that no client can hold by doing nothing.

The body of a request has its time in `rest.py`; uvicorn itself only waits for as long as the client
does, before the first request, within the headers of any, and where an answer is not taken.
"""

import json

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's connection, closed where a client is too slow, refused where there are too many.

    Attributes:
        most_connections: Of more at once, each further one's requests are answered by HTTP status
            503: with the limit of a body, that bounds what requests can take of the memory.
        seconds_to_ask: From the first byte, or the beginning of the connection, to the end of a
            request's headers.
        seconds_to_read: From the first byte of an answer that does not fit into the operating
            system's buffers any more, until all of it does.
        most_header_bytes: Of a request's first line and headers; longer ones are refused.
    """

    most_connections = 256
    seconds_to_ask = 10.0
    seconds_to_read = 30.0
    most_header_bytes = 2**14

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._header_bytes = 0
        self._is_in_body = False
        self._asking = None
        self._reading = None

    def connection_made(self, transport):
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self.app = _busy
        # So that whatever a client does not take starts the clock, also what is left at the end.
        transport.set_write_buffer_limits(high=0)
        self._watch_headers()

    def data_received(self, data):
        self._unset_keepalive_if_required()
        # The parser keeps what it has of the headers until they are all there.
        self._header_bytes += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            self.send_400_response(str(error.__context__ or error))
        except httptools.HttpParserUpgrade:  # CONNECT asks for it without a header
            self.send_400_response("This is no proxy.")
        else:
            if not self._is_in_body and self._header_bytes > self.most_header_bytes:
                self.send_400_response("The headers are too long.")
        self._watch_headers()

    def on_headers_complete(self):
        if not self.url.startswith(b"/"):
            raise ValueError(f"Not a path of this server: {self.url!r}")
        if not self.parser.should_upgrade():
            self._header_bytes, self._is_in_body = 0, True
            super().on_headers_complete()

    def on_message_complete(self):
        if not self.parser.should_upgrade():
            self._header_bytes, self._is_in_body = 0, False
            super().on_message_complete()

    def connection_lost(self, exc):
        super().connection_lost(exc)
        for timer in (self._asking, self._reading):
            if timer is not None:
                timer.cancel()

    def pause_writing(self):
        super().pause_writing()
        # What is written and not taken is thrown away: `close` would wait for it.
        self._reading = self.loop.call_later(self.seconds_to_read, self.transport.abort)

    def resume_writing(self):
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def send_400_response(self, msg):
        """Tells that this is not HTTP, unless an answer has been begun: then it just ends."""
        if self.cycle is None or not self.cycle.response_started or self._is_between_requests():
            headers, body = _last_words(f"Malformed request: {msg}")
            lines = b"".join(b"%s: %s\r\n" % header for header in headers)
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + lines + b"\r\n" + body)
        self.transport.close()

    def _is_between_requests(self):
        return self.cycle.response_complete and not self._is_in_body

    def _feed(self, data):
        """Parses; a wish for another protocol is not followed, as HTTP allows.

        The parser takes what comes after such headers for that protocol: it is to see them without.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            method, version = self.parser.get_method(), self.parser.get_http_version().encode()
            lines = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
            head = b"\r\n".join([b"%s %s HTTP/%s" % (method, self.url, version), *lines, b"", b""])
            self.parser = httptools.HttpRequestParser(self)
            self.parser.feed_data(head + data[stop.args[0] :])

    def _is_asking(self):
        """Whether the next that comes is a request's headers."""
        return self.cycle is None or self.cycle.response_complete

    def _watch_headers(self):
        """Starts the clock of a request's headers, unless it runs; stops it when they are here."""
        if not self._is_asking() and self._asking is not None:
            self._asking.cancel()
            self._asking = None
        elif self._is_asking() and self._asking is None:
            self._asking = self.loop.call_later(self.seconds_to_ask, self.transport.abort)


async def _busy(scope, receive, send):
    """Answers where there are too many connections."""
    headers, body = _last_words("Too many connections.")
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _last_words(message):
    """Headers and body of an error after which the connection ends."""
    body = json.dumps({"error": message}).encode()
    length = (b"content-length", str(len(body)).encode())
    return [(b"content-type", b"application/json"), (b"connection", b"close"), length], body
