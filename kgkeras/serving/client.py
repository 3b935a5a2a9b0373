"""A thin client of TensorFlow Serving's REST interface, the local server's or the real one's."""

import json
import urllib.error
import urllib.parse
import urllib.request


class Client:
    """Calls one model on one server.

    Args:
        base_url: Where the server answers, such as `http://127.0.0.1:8501`.
        model_name: The model's name there.
        version: The version to call; the latest by default.
        timeout: Seconds to wait for an answer.

    Errors of the server are raised as `urllib.error.HTTPError` with its message as the reason.
    """

    def __init__(self, base_url, model_name, version=None, timeout=60.0):
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(
                f"`base_url` must start with http:// or https://. Received: {base_url!r}."
            )
        self._url = f"{base_url.rstrip('/')}/v1/models/{urllib.parse.quote(model_name, safe='')}"
        if version is not None:
            self._url += f"/versions/{version}"
        self._timeout = timeout

    def predict(self, instances, signature_name="serving_default"):
        """Predicts in row format: one value, or dictionary of values, an instance.

        Returns:
            A list with one prediction an instance.
        """
        body = {"signature_name": signature_name, "instances": instances}
        return self._request(":predict", body)["predictions"]

    def predict_columns(self, inputs, signature_name="serving_default"):
        """Predicts in column format: a whole tensor, or a dictionary of tensors, as nested lists.

        Returns:
            The output, or a dictionary of outputs where there are several.
        """
        body = {"signature_name": signature_name, "inputs": inputs}
        return self._request(":predict", body)["outputs"]

    def status(self):
        """The state of each version: dictionaries with `version`, `state` and `status`."""
        return self._request("")["model_version_status"]

    def metadata(self):
        """The signatures: from name to a dictionary with `inputs` and `outputs`."""
        return self._request("/metadata")["metadata"]["signature_def"]["signature_def"]

    def _request(self, path, body=None):
        data = None if body is None else json.dumps(body).encode("utf-8")
        request = urllib.request.Request(
            self._url + path, data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            error.msg = _reason(error)
            raise


def _reason(error):
    """The server's message; what HTTP calls the status where there is none."""
    try:
        return json.loads(error.read())["error"]
    except (ValueError, KeyError, TypeError):
        return error.msg
