"""What all message-passing layers share: shapes, bias, norm, activation, dropout, residual."""

import math

import keras
import tensorflow as tf

from kgkeras.checks import positive_int, rate
from kgkeras.graph.layers.flat_graph import FlatGraph
from kgkeras.ops.seeds import apart


class MessagePassing(keras.layers.Layer):
    """Base of layers that update the states of nodes by messages along edges.

    The update is `dropout(activation(norm(messages + bias)))`, added to the old states where
    `residual`. Padding edges contribute nothing. Nodes without edges get what the layer says of
    the node itself, graphs without edges or nodes are in order.

    Args:
        units: Length of the new states.
        activation: Keras activation.
        use_bias: Whether there is a bias.
        dropout: Rate at which elements of the update are dropped in training.
        residual: Whether the update is added to the old states, which then have `units` elements.
        layer_norm: Whether messages are normalised before the activation.
        kernel_initializer: Keras initializer of the matrices.

    Call arguments:
        nodes: Float tensor `(nodes, dim)`, or `(batch, nodes, dim)` for a padded batch of graphs.
        edges: Dict of integer tensors `source`, `target` and `relation`, each `(edges,)` or
            `(batch, edges)`: a message goes from `source` to `target`, which count the nodes of
            the same graph. A negative `source` means "no edge here". Other keys are not looked at.

    Attributes:
        needs_relations: Whether the layer looks at the edges' relations.

    Returns:
        Float tensor `(nodes, units)` or `(batch, nodes, units)`.

    Raises:
        ValueError: If shapes, names or dtypes do not fit, or, in eager execution, an edge leads to
            a node that does not exist or has a relation that does not exist.
    """

    needs_relations = True

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        dropout=0.0,
        residual=False,
        layer_norm=False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = positive_int("units", units)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.dropout = rate("dropout", dropout)
        self.residual = bool(residual)
        self.layer_norm = bool(layer_norm)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self._next_initializer = self.kernel_initializer
        self._dropout = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self._norm = None
        if self.layer_norm:
            self._norm = keras.layers.LayerNormalization(name="norm", dtype=self.dtype_policy)

    def build(self, nodes_shape, edges_shape=None):
        self.check_shapes(nodes_shape, edges_shape)
        self.build_weights(nodes_shape[-1])
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        if self._norm is not None:
            self._norm.build((None, self.units))

    def build_weights(self, dim):
        """Makes the layer's own weights for states of length `dim`; called once by `build`."""
        raise NotImplementedError

    def add_kernel(self, name, *shape):
        """A new trainable matrix, or a stack of them, each drawn as if it were the only one."""
        draw = self._next_initializer
        self._next_initializer = apart(draw)

        def initializer(shape, dtype=None):
            # Keras takes the axes before the last two for those of a picture's filter.
            scaling = isinstance(draw, keras.initializers.VarianceScaling)
            return draw(shape, dtype=dtype) * (math.prod(shape[:-2]) ** 0.5 if scaling else 1.0)

        return self.add_weight(name=name, shape=shape, initializer=initializer)

    def flat_graph(self, nodes, edges):
        """The graphs of the batch as one `FlatGraph`, checked."""
        self.check_shapes(nodes.shape, {name: ids.shape for name, ids in edges.items()})
        edges = {name: edges[name] for name in self._names()}
        for name, ids in edges.items():
            dtype = keras.backend.standardize_dtype(ids.dtype)
            if "int" not in dtype:
                raise ValueError(f"`{name}` must hold integers. Received: dtype {dtype}.")
        return FlatGraph(nodes, edges)

    def updated(self, nodes, messages, training):
        """The new states, of the messages that each node has received."""
        if self.bias is not None:
            messages = messages + tf.cast(self.bias, messages.dtype)
        if self._norm is not None:
            messages = self._norm(messages)
        update = self._dropout(self.activation(messages), training=training)
        return nodes + update if self.residual else update

    def compute_output_shape(self, nodes_shape, edges_shape=None):
        self.check_shapes(nodes_shape, edges_shape)
        return (*nodes_shape[:-1], self.units)

    def compute_output_spec(self, nodes, edges, training=None):
        shapes = {name: ids.shape for name, ids in edges.items()}
        shape = self.compute_output_shape(nodes.shape, shapes)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def check_shapes(self, nodes_shape, edges_shape=None):
        """Raises `ValueError` unless the shapes fit together."""
        kind = type(self).__name__
        if len(nodes_shape) not in (2, 3) or nodes_shape[-1] is None:
            raise ValueError(
                f"{kind} needs nodes `(nodes, dim)` or `(batch, nodes, dim)` of a known `dim`. "
                f"Received: shape {tuple(nodes_shape)}."
            )
        if self.residual and nodes_shape[-1] != self.units:
            raise ValueError(
                f"`residual` needs `units` to be the length of the states, {nodes_shape[-1]}. "
                f"Received: units={self.units}."
            )
        if edges_shape is None:
            return
        wanted = self._names()
        missing = [name for name in wanted if name not in edges_shape]
        if missing:
            raise ValueError(
                f"{kind} needs the edges' {', '.join(wanted)}. Received: {sorted(edges_shape)}."
            )
        shapes = {name: tuple(edges_shape[name]) for name in wanted}
        if any(len(shape) != len(nodes_shape) - 1 for shape in shapes.values()):
            raise ValueError(
                f"{kind} needs edges `(edges,)` with nodes `(nodes, dim)`, and `(batch, edges)` "
                f"with `(batch, nodes, dim)`. Received: nodes {tuple(nodes_shape)}, edges {shapes}."
            )
        alike = zip(tuple(nodes_shape[:-2]) + shapes["source"][-1:], *shapes.values(), strict=True)
        if any(len(set(sizes) - {None}) > 1 for sizes in alike):
            raise ValueError(
                f"{kind} needs as many of each of {', '.join(wanted)}, for each of the graphs. "
                f"Received: nodes {tuple(nodes_shape)}, edges {shapes}."
            )

    def _names(self):
        return ("source", "target", "relation") if self.needs_relations else ("source", "target")

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "dropout": self.dropout,
            "residual": self.residual,
            "layer_norm": self.layer_norm,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
