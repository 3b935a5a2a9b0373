"""TensorFlow Serving's REST interface as a Starlette application.

Paths, status codes and messages are TensorFlow Serving's; what is stricter here is the length of a
body, the depth of its JSON and the shapes of inputs.
"""

import json
import re
import urllib.parse

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from kgkeras.serving import json_examples, json_predict
from kgkeras.serving.examples import classify, regress, serialize
from kgkeras.serving.json_document import parse_object, signature_name
from kgkeras.serving.registry import ModelSpec
from kgkeras.serving.status import StatusError, invalid_argument

MAX_BODY_BYTES = 16 * 2**20

_NAME = r"([^/:]+)"
_VERSION = rf"(?:/versions/([0-9]+)|/labels/{_NAME})?"
_CALL = re.compile(rf"/v1/models/{_NAME}{_VERSION}:(?-i:(classify|regress|predict))", re.IGNORECASE)
_LOOK = re.compile(rf"/v1/models(?:/{_NAME})?{_VERSION}(?:/((?-i:metadata)))?", re.IGNORECASE)


def create_app(registry, max_body_bytes=MAX_BODY_BYTES):
    """The application that answers for the models of a registry.

    Args:
        registry: A `Registry`.
        max_body_bytes: Longer request bodies are refused with HTTP status 413.

    Returns:
        An ASGI application.
    """
    endpoint = _RestApi(registry, max_body_bytes)
    return Starlette(
        routes=[Route("/{path:path}", endpoint)],
        exception_handlers={Exception: _internal_error},
    )


class _RestApi:
    """Answers any method on any path: which of them exist is TensorFlow Serving's to say."""

    def __init__(self, registry, max_body_bytes):
        self._registry = registry
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope, receive, send):
        request = Request(scope, receive)
        path = scope["raw_path"].decode("latin-1")
        if not path.lower().startswith("/v1/"):
            raise HTTPException(404)
        try:
            body = await self._body(request)
        except ClientDisconnect:
            return
        if body is None:
            response = _error(413, f"Request body is longer than {self._max_body_bytes} bytes.")
        elif request.method == "POST":
            # In a thread, so that a long call of the model keeps nobody else waiting.
            response = await run_in_threadpool(self._respond, "POST", path, body)
        else:
            response = self._respond(request.method, path, body)
        await response(scope, receive, send)

    async def _body(self, request):
        """The body, or None where it is too long.

        Of such a body as much again is read and dropped: a client gets to see the answer only once
        it has stopped sending.
        """
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size <= self._max_body_bytes:
                chunks.append(chunk)
            elif size > 2 * self._max_body_bytes:
                break
        return b"".join(chunks) if size <= self._max_body_bytes else None

    def _respond(self, method, path, body):
        try:
            return _json(200, self._answer(method, path, body))
        except StatusError as error:
            return _error(error.code.http_status, error.message)

    def _answer(self, method, path, body):
        """The text of the answer to a request, or `StatusError`."""
        call = _CALL.fullmatch(path) if method == "POST" else None
        if call:
            return self._call(_spec(*call.group(1, 2, 3)), call.group(4), body)
        look = _LOOK.fullmatch(path) if method == "GET" else None
        if not look:
            raise invalid_argument(f"Malformed request: {method} {path}")
        if look.group(1) is None:
            raise invalid_argument("Missing model name in request.")
        spec = _spec(*look.group(1, 2, 3))
        return self._metadata(spec) if look.group(4) else self._status(spec)

    def _call(self, spec, verb, body):
        """Answers predict, classify and regress."""
        document = parse_object(body)
        signature = signature_name(document)
        if verb == "predict":
            return _predict(self._registry.lookup(spec), signature, document)
        examples = [serialize(features) for features in json_examples.decode_examples(document)]
        servable = self._registry.lookup(spec)
        if verb == "classify":
            return json_examples.encode_classification(*classify(servable, signature, examples))
        return json_examples.encode_regression(regress(servable, signature, examples))

    def _status(self, spec):
        healthy = {"error_code": "OK", "error_message": ""}
        statuses = [
            {"version": str(version), "state": "AVAILABLE", "status": healthy}
            for version in self._registry.available(spec)
        ]
        return json.dumps({"model_version_status": statuses}, indent=1)

    def _metadata(self, spec):
        servable = self._registry.lookup(spec)
        model = {"name": spec.name, "signature_name": "", "version": str(servable.version)}
        signatures = {"signature_def": servable.metadata()}
        return json.dumps(
            {"model_spec": model, "metadata": {"signature_def": signatures}}, indent=1
        )


def _predict(servable, name, document):
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
    if not signature.inputs:
        raise invalid_argument(f"Failed to get input map for signature: {name}")
    dtypes = {name: info.dtype for name, info in signature.inputs.items()}
    rows, inputs = json_predict.decode_request(document, dtypes)
    outputs = servable.predict(name, inputs)
    encode = json_predict.encode_rows if rows else json_predict.encode_columns
    return encode(outputs, {name: info.dtype for name, info in signature.outputs.items()})


def _spec(name, version, label):
    """The model that the parts of a path name."""
    return ModelSpec(
        name=urllib.parse.unquote(name),
        version=None if version is None else _number(version),
        label=None if label is None else urllib.parse.unquote(label),
    )


def _number(version):
    """The version that the digits in a path mean, an int64."""
    digits = version.lstrip("0") or "0"
    if len(digits) > 19 or int(digits) >= 2**63:
        raise invalid_argument(f"Failed to convert version: {version} to numeric.")
    return int(digits)


def _json(status, text):
    # What UTF-8 cannot hold, half a surrogate pair, is escaped as JSON would.
    body = text.encode("utf-8", "backslashreplace")
    return Response(body, status, media_type="application/json")


def _error(status, message):
    return _json(status, json.dumps({"error": message}, ensure_ascii=False))


def _internal_error(_, error):
    """Answers where this server itself is at fault; the server logs the traceback."""
    return _error(500, f"Internal error: {type(error).__name__}")
