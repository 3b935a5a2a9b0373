"""AdamW with learning rates of their own for some variables."""

import keras

from kgkeras.optimizers.multipliers import WithMultipliers
from kgkeras.registration import serializable


@serializable
class MultiRateAdam(WithMultipliers, keras.optimizers.AdamW):
    """AdamW whose learning rate is multiplied for the variables that a name picks out.

    A pretrained encoder wants a learning rate a hundred times smaller than the tables of entities
    and relations beside it; one `compile` then serves both.

    Args:
        learning_rate: Float or schedule.
        multipliers: Dict from a part of variables' paths to a factor of at least 0, such as
            `{"table": 100.0}`. The first that fits counts; 1 where none does. Weight decay is
            decoupled and goes by the plain learning rate everywhere.
        **kwargs: As for `keras.optimizers.AdamW`.

    Reference: Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
    """

    def __init__(self, learning_rate=1e-3, multipliers=None, name="multi_rate_adam", **kwargs):
        super().__init__(multipliers, learning_rate=learning_rate, name=name, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        # TensorFlow hands over its own variable, which knows its place, but not its path.
        factor = self._factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)
