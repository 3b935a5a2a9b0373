"""What the ways of weighing tasks have in common."""

import keras
from keras import ops

from kgkeras.ops.replicas import replica_mean


class TaskWeighing(keras.layers.Layer):
    """Base of what makes one loss of those of several tasks.

    A model builds it with the names of its tasks. `call` returns the loss to learn from; what
    `weights` holds is logged. With `uses_gradients`, the model asks `gradient_weights` instead:
    what it learns from is then the sum of the tasks' gradients, so weighed.

    Call arguments:
        losses: Float32 tensor `(tasks,)`: means over this replica's share of a batch.
        present: Float32 tensor `(tasks,)`: 1 where the batch holds examples of the task, else 0.

    Returns:
        Scalar.

    Attributes:
        uses_gradients: Whether the weights depend on the gradients of the tasks.
        weights_now: Variable `(tasks,)`: the latest weights.
    """

    uses_gradients = False

    def get_build_config(self):
        return None  # the model that is made of it builds it

    def build_tasks(self, tasks):
        """Makes the variables, for the names of the tasks in their order."""
        self.tasks = tuple(tasks)
        self.weights_now = self.add_state("weights", ops.ones((len(self.tasks),)))
        self.build_state()
        self.built = True

    def build_state(self):
        """Makes the variables of a subclass."""

    def add_state(self, name, value):
        """A variable that no gradient reaches and that all replicas set alike."""
        return self.add_weight(
            shape=tuple(value.shape),
            initializer=lambda shape, dtype: ops.cast(value, dtype),
            trainable=False,
            dtype="float32",
            autocast=False,
            aggregation="only_first_replica",
            name=name,
        )

    def call(self, losses, present, training=None):
        weights = ops.stop_gradient(self.loss_weights(losses, present, training))
        if training:
            self.weights_now.assign(weights)
        return ops.sum(weights * present * losses)

    def loss_weights(self, losses, present, training):
        """Weights `(tasks,)` by which the losses are added up; the latest ones by default."""
        return ops.convert_to_tensor(self.weights_now)

    def gradient_weights(self, losses, present, products):
        """Weights `(tasks,)` by which the gradients are added up.

        Args:
            losses: Float32 tensor `(tasks,)`: means over the whole batch.
            present: As in the call.
            products: Dict of float32 tensors `(tasks, tasks)`: the inner products of the tasks'
                gradients, over `"all"` variables, and over those `"shared"` by two tasks or more.
        """
        raise NotImplementedError

    def mean_losses(self, losses):
        """The losses of the whole batch, where replicas share it."""
        return replica_mean(ops.stop_gradient(losses))
