"""Libraries that only some evaluations need."""

import importlib


def sklearn(module):
    """The module `sklearn.<module>`.

    Raises:
        ImportError: If scikit-learn is missing; it says how to install it.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ImportError("This needs scikit-learn: pip install 'kgkeras[metrics]'") from error
