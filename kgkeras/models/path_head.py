"""What a `PathPredictor` makes of paths and of vectors: a score for each entity."""

import keras
from keras import ops


class PathHead(keras.layers.Layer):
    """`w . relu(A h + B q + c s) + s`: a score for each entity by what paths to it say.

    Args:
        units: Units of the hidden layer.
        judges: Whether there is an `s`.

    Call arguments:
        states: Float tensor `(entities, queries, units)`: `h`.
        query: Float tensor `(queries, units)`: `q`.
        judged: Float tensor `(queries, entities)`: `s`, what is known otherwise, if `judges`.

    Returns:
        Float tensor `(queries, entities)`.
    """

    def __init__(self, units, judges=False, **kwargs):
        super().__init__(**kwargs)
        plain = {"use_bias": False, "dtype": self.dtype_policy}
        self.of_state = keras.layers.Dense(units, name="of_state", dtype=self.dtype_policy)
        self.of_query = keras.layers.Dense(units, name="of_query", **plain)
        self.score = keras.layers.Dense(1, name="score", **plain)
        self.of_judged = None
        if judges:
            self.of_judged = keras.layers.Dense(units, name="of_judged", **plain)

    def build(self, states_shape, query_shape, judged_shape=None):
        self.of_state.build(states_shape)
        self.of_query.build(query_shape)
        self.score.build((*states_shape[:-1], self.of_state.units))
        if self.of_judged is not None:
            self.of_judged.build((*states_shape[:-1], 1))

    def call(self, states, query, judged=None):
        hidden = self.of_state(states) + self.of_query(query)
        if self.of_judged is None:
            return self._scores(hidden)
        judged = ops.cast(judged, self.compute_dtype)
        hidden += self.of_judged(ops.expand_dims(ops.transpose(judged), -1))
        return self._scores(hidden) + judged

    def _scores(self, hidden):
        return ops.transpose(ops.squeeze(self.score(ops.relu(hidden)), -1))

    def compute_output_shape(self, states_shape, query_shape, judged_shape=None):
        return states_shape[1::-1]
