"""ConvE: convolution over head and relation as a picture."""

import keras
from keras import ops

from kgkeras.checks import positive_int, rate
from kgkeras.registration import serializable
from kgkeras.scorers.algebra import inner_products
from kgkeras.scorers.scorer import Scorer


@serializable
class ConvE(Scorer):
    """`score(h, r, t) = <relu(vec(relu([h; r] * filters)) W), t> + b_t`.

    Head and relation are laid out as pictures of `height` rows, one above the other. An entity's
    vector holds its bias `b` in its last component; a relation's is shorter by that one (the
    paper: `dim` 201, pictures of 10 x 20).

    All tails of a query are scored by one matrix product. `score_heads` convolves every candidate
    with every query and is slow: train ConvE on a graph with inverse relations, as the paper does.

    Where the paper normalises over the batch, this normalises over features: statistics of
    batches would make a score depend on its neighbours, and a model that is trained on several
    devices would be saved with those of the first.

    Args:
        height: Rows of the picture of one vector; divides `dim - 1`.
        filters: Number of filters.
        kernel_size: Side of a filter.
        input_dropout: Dropout rate of the picture.
        feature_dropout: Rate at which whole feature maps are dropped.
        hidden_dropout: Dropout rate of the query.

    Reference: Dettmers et al., Convolutional 2D Knowledge Graph Embeddings, AAAI 2018.
    """

    by_product = True

    def __init__(
        self,
        height=10,
        filters=32,
        kernel_size=3,
        input_dropout=0.2,
        feature_dropout=0.2,
        hidden_dropout=0.3,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.height = positive_int("height", height)
        self.filters = positive_int("filters", filters)
        self.kernel_size = positive_int("kernel_size", kernel_size)
        self.input_dropout = rate("input_dropout", input_dropout)
        self.feature_dropout = rate("feature_dropout", feature_dropout)
        self.hidden_dropout = rate("hidden_dropout", hidden_dropout)

    def relation_dim(self, dim):
        width, rest = divmod(dim - 1, self.height)
        if rest or width < 1:
            raise ValueError(
                f"ConvE needs a `dim` of one bias more than a multiple of height={self.height}. "
                f"Received: dim={dim!r}."
            )
        if self.kernel_size > min(2 * self.height, width):
            raise ValueError(
                f"ConvE needs a picture, {2 * self.height} x {width} for dim={dim!r}, that holds "
                f"its filters. Received: kernel_size={self.kernel_size!r}."
            )
        return dim - 1

    def build(self, head_shape, relation_shape, tail_shape):
        super().build(head_shape, relation_shape, tail_shape)
        size = relation_shape[-1]
        picture = (2 * self.height, size // self.height, 1)
        layers, options = keras.layers, {"dtype": self.dtype_policy}
        maps = {"data_format": "channels_last", **options}
        self.network = keras.Sequential(
            [
                layers.LayerNormalization(**options),
                layers.Dropout(self.input_dropout, **options),
                layers.Reshape(picture, **options),
                layers.Conv2D(self.filters, self.kernel_size, **maps),
                layers.LayerNormalization(**options),
                layers.ReLU(**options),
                layers.SpatialDropout2D(self.feature_dropout, **maps),
                layers.Flatten(**maps),
                layers.Dense(size, **options),
                layers.Dropout(self.hidden_dropout, **options),
                layers.LayerNormalization(**options),
                layers.ReLU(**options),
            ],
            name="network",
        )
        self.network.build((None, 2 * size))

    def call(self, head, relation, tail):
        return ops.sum(self.tail_query(head, relation) * tail, axis=-1)

    def score_tails(self, head, relation, candidates):
        head, relation, candidates = self._prepare(head, relation, candidates)
        return inner_products(self.tail_query(head, relation), candidates)

    def tail_query(self, head, relation):
        """The vector `(..., dim)` whose inner product with a tail is the score."""
        head = head[..., :-1]
        head, relation = head + ops.zeros_like(relation), relation + ops.zeros_like(head)
        stacked = ops.concatenate([head, relation], axis=-1)
        query = self.network(ops.reshape(stacked, (-1, stacked.shape[-1])))
        query = ops.reshape(query, ops.shape(head))
        # The tail's bias counts once.
        return ops.concatenate([query, ops.ones_like(query[..., :1])], axis=-1)

    def get_config(self):
        names = ("height", "filters", "kernel_size")
        rates = ("input_dropout", "feature_dropout", "hidden_dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in names + rates}}
