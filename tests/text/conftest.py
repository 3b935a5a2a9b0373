"""A vocabulary of BERT's kind, small, yet able to spell most strings."""

import string

import pytest


@pytest.fixture(scope="session")
def bert_vocabulary():
    """Word pieces: special ones, every ASCII character, and some beyond."""
    letters = string.ascii_letters + string.digits
    beyond = "éãñßσςαи한が€™北京\u0301\u0938"
    return [
        "[PAD]",
        *(f"[unused{i}]" for i in range(6)),
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *(letters + string.punctuation + beyond + "’–…¿"),
        *(f"##{character}" for character in letters + beyond),
        "paris",
        "##is",
        "the",
    ]
