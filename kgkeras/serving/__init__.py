"""A local server and client for SavedModels that speak TensorFlow Serving's REST interface.

Needs the extra `serve`. No model code is imported: whatever answers here answers in TensorFlow
Serving.
"""

from kgkeras.serving.client import Client
from kgkeras.serving.server import serve
from kgkeras.serving.status import Code, StatusError

__all__ = ["Client", "Code", "StatusError", "serve"]
