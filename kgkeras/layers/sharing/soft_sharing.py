"""A reader for each task, kept near the others."""

import itertools

import keras
from keras import ops

from kgkeras.checks import non_negative
from kgkeras.layers.sharing.task_sharing import TaskSharing, needed_part, output_dim
from kgkeras.registration import serializable


@serializable
class SoftSharing(TaskSharing):
    """Each task has a trunk of its own; the distance of their weights costs.

    The layer adds `weight * sum_(i < j) sum_l |theta_i,l - theta_j,l|^2` to the loss, over the
    trainable weights that correspond, `l`-th with `l`-th. Weights that trunks have in common, such
    as a table of entities, are left out.

    Args:
        trunks: Dict from the name of each task to its trunk, as of `HardSharing`, all of the same
            architecture. Trunks that have layers in common, such as a table of entities, are
            read from a file only if they are no functional models: see `models.FusedEncoder`.
        weight: At least 0.

    Raises:
        ValueError: If the weights of the trunks do not correspond, or `weight` is negative.

    Reference: Duong et al., Low Resource Dependency Parsing, ACL 2015.
    """

    def __init__(self, trunks, weight=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.trunks = dict(trunks)
        self.weight = non_negative("weight", weight)
        self.dim = output_dim(next(iter(self.trunks.values())))

    def build(self, inputs_shape):
        for name, trunk in self.trunks.items():
            if not trunk.built:
                trunk.build(inputs_shape[name])
        shapes = {
            tuple(tuple(w.shape) for w in trunk.trainable_weights) for trunk in self.trunks.values()
        }
        if len(shapes) > 1:
            raise ValueError(
                "`trunks` must have weights of the same shapes, in the same order. "
                f"Received: {sorted(self.trunks)} with weights of {len(shapes)} kinds."
            )

    def call(self, inputs, training=None):
        if training and self.weight:
            self.add_loss(self.weight * self.distance())
        return {name: self.trunks[name](inputs[name], training=training) for name in inputs}

    def distance(self):
        """The sum of the squared distances of all pairs of trunks."""
        weights = [trunk.trainable_weights for trunk in self.trunks.values()]
        pairs = [
            (ours, theirs)
            for first, second in itertools.combinations(weights, 2)
            for ours, theirs in zip(first, second, strict=True)
            if ours is not theirs
        ]
        return sum((ops.sum(ops.square(a - b)) for a, b in pairs), start=0.0)

    def with_task(self, name, part=None):
        """As of the base; `part` is the new task's trunk."""
        trunks = {**self.trunks, name: needed_part(self, part, "a trunk")}
        return SoftSharing(trunks, self.weight, name=self.name)

    def without_task(self, name):
        trunks = {task: trunk for task, trunk in self.trunks.items() if task != name}
        return SoftSharing(trunks, self.weight, name=self.name)

    def get_config(self):
        trunks = {
            name: keras.saving.serialize_keras_object(trunk) for name, trunk in self.trunks.items()
        }
        return {**super().get_config(), "trunks": trunks, "weight": self.weight}

    @classmethod
    def from_config(cls, config):
        trunks = {
            name: keras.saving.deserialize_keras_object(trunk)
            for name, trunk in config["trunks"].items()
        }
        return cls(**{**config, "trunks": trunks})
