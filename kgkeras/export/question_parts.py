"""What exported models that answer questions have in common."""

import numpy as np
import tensorflow as tf

from kgkeras.export.encoded_endpoint import encoded_endpoint
from kgkeras.export.endpoint import Endpoint
from kgkeras.export.entity_names import strings
from kgkeras.export.example_endpoint import example_endpoint
from kgkeras.export.words_read import words_read

_OUTPUTS = ("answers", "scores", "facts", "supposed")


class QuestionParts:
    """The functions behind the signatures, and what they look names up in.

    Args:
        preprocessor: `text.Preprocessor`.
        names: `WalkNames`.
        find: Function from the preprocessor's tensors to a dict of `answers`, `scores`, `facts` and
            `supposed`, as `models.QuestionAnswerer` gives them.
        begin: Function from the same to the entities that walks begin at, int32 `(batch, n)`, -1
            filling up.
    """

    def __init__(self, preprocessor, names, *, find, begin):
        self.preprocessor, self.names = preprocessor, names
        self.find, self.begin = find, begin
        self.tracked = [preprocessor, *names.tracked]

    def endpoints(self, samples):
        """The signatures, warmed up by the questions `samples`."""
        questions = np.array(list(samples), dtype=object)
        return [
            Endpoint("answer", self.answer, [strings("question")], {"question": questions}),
            example_endpoint("classify", self.classify, {"question": questions}),
            Endpoint("explain", self.explain, [strings("question")]),
            encoded_endpoint("answer_ids", self.answer_ids, self.preprocessor, questions),
        ]

    def answer(self, question):
        encoded = self.preprocessor(question)
        found = self.answer_ids(**encoded)
        begun = self.begin(encoded)
        return {
            "answers": self.names.names(found["answers"]),
            "identifiers": self.names.identifiers(found["answers"]),
            "scores": found["scores"],
            "facts": self.names.told(found["facts"], found["supposed"]),
            "entities": self.names.names(begun),
            "known": tf.reduce_any(begun >= 0, axis=1),
        }

    def classify(self, question):
        found = self.answer_ids(**self.preprocessor(question))
        return {"classes": self.names.names(found["answers"]), "scores": found["scores"]}

    def explain(self, question):
        return words_read(self.preprocessor, self.names.names, question)

    def answer_ids(self, **encoded):
        outputs = self.find(encoded)
        return {name: outputs[name] for name in _OUTPUTS}
