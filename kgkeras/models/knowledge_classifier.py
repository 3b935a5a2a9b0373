"""Judges sentences, pairs of them, or the choices of a question, in the light of a graph."""

import keras
from keras import ops

from kgkeras.checks import describe, positive_int
from kgkeras.layers import ChoiceRows, MentionIds, RowChoices
from kgkeras.models.joint import JointModel
from kgkeras.models.triple_objective import TripleObjective
from kgkeras.registration import serializable


@serializable
class KnowledgeClassifier(TripleObjective):
    """A `JointModel` that reads one text a row, or one for each choice, with counted evidence.

    With `choices` an example is a question with several answers, each read beside the question;
    the reader's one logit a text is the answer's, and a softmax over the answers says which is
    right. With `counts` a linear layer adds to the logits what the number of facts between the
    entities of a pair's first text and those of its second says; without a reader it is all there
    is, the baseline that a reader has to beat.

    `fit`, `evaluate` and `predict` are Keras' own; the graph's triples are learned beside the
    task as by `JointModel`, with the reader's `kg_weight` and `kg_loss`.

    Args:
        reader: `JointModel`, whose head has one logit where there are `choices`; None, with
            `choices`, for counted evidence alone.
        counts: Layer from the entities of the first and of the second text, each
            `(rows, mentions)`, to features, such as `graph.FactCounts`; None for none.
        choices: Whether the inputs have an axis of choices.
        max_mentions: How many entities of each text are counted between.

    Call arguments:
        inputs: Dict of `token_ids`, `padding_mask` and, where the reader knows a graph or there are
            `counts`, `entity_ids`: `(batch, words)`, or `(batch, choices, words)`. With `counts`
            also `segment_ids` of the same shape, 1 at the second text of a pair:
            `Preprocessor.pairs` makes them. See `JointModel` for what training may add. Further
            keys are ignored.

    Returns:
        The reader's logits `(batch, classes)`, or `(batch, choices)`.

    Raises:
        ValueError: If `reader` is no `JointModel`, has several logits for a choice, or is missing
            without `counts` or `choices`.

    References: Talmor et al., CommonsenseQA, NAACL 2019; Wang et al., GNN is a Counter?, ICLR 2022.

    Example:
    ```python
    head = layers.ClassificationHead(1, "binary")
    reader = JointModel(encoder, head, triples, layers.GatedFusion())
    counts = graph.FactCounts(graph.FactIndex.from_graph(facts.with_inverses()))
    model = KnowledgeClassifier(reader, counts, choices=True)
    ```
    """

    parts = ("reader", "counts")
    settings = ("choices", "max_mentions")

    def __init__(self, reader, counts=None, *, choices=False, max_mentions=8, **kwargs):
        num_logits = _checked_logits(reader, counts, choices)
        max_mentions = positive_int("max_mentions", max_mentions)

        # === Graph ===
        inputs = _inputs(reader, counts, choices)
        split = ChoiceRows(name="choices")
        rows = {name: split(column) for name, column in inputs.items()} if choices else inputs
        logits = []
        if reader is not None:
            logits.append(reader({name: rows[name] for name in reader.input}))
        if counts is not None:
            evidence = counts(*_mentions_of_both(rows, max_mentions))
            weigh = keras.layers.Dense(num_logits, use_bias=False, name="evidence", dtype="float32")
            logits.append(weigh(evidence))
        logits = sum(logits[1:], start=logits[0])
        if choices:
            beside = RowChoices(name="beside", dtype="float32")
            logits = beside(logits, next(iter(inputs.values())))
        super().__init__(inputs, logits, **kwargs)

        # === Parts and configuration ===
        self.reader, self.counts = reader, counts
        self.choices, self.max_mentions = bool(choices), max_mentions
        objective = ("triples", "scorer", "kg_weight", "kg_loss")
        self._set_objective(*(getattr(reader, name, None) for name in objective))

    def call(self, inputs, training=None, mask=None):
        return super().call({name: inputs[name] for name in self._inputs_struct}, training=training)

    def fusion_weights(self):
        """As `JointModel.fusion_weights`, a text a row.

        Raises:
            ValueError: If there is no reader, or its fusion does not weigh.
        """
        if self.reader is None:
            raise ValueError(
                "Only a model with a `reader` has fusion weights. Received: one of counts alone."
            )
        return self.reader.fusion_weights()


def _checked_logits(reader, counts, choices):
    """The number of logits a row."""
    if reader is None and counts is not None and choices:
        return 1
    if not isinstance(reader, JointModel):
        raise ValueError(
            "`reader` must be a JointModel; with `counts` and `choices` it may be None. "
            f"{describe(reader)}."
        )
    num_logits = reader.output.shape[-1]
    if choices and num_logits != 1:
        raise ValueError(
            "A choice has one logit: the `reader` needs a head such as "
            f"ClassificationHead(1, 'binary'). Received: a reader of {num_logits} logits."
        )
    return num_logits


def _inputs(reader, counts, choices):
    """Symbolic inputs by name: those of the reader, and what `counts` needs."""
    given = {} if reader is None else reader.input
    dtypes = {name: tensor.dtype for name, tensor in given.items()}
    if counts is not None:
        dtypes |= {"entity_ids": "int32", "segment_ids": "int32"}
    shape = (None, None) if choices else (None,)
    return {name: keras.Input(shape, dtype=dtype, name=name) for name, dtype in dtypes.items()}


def _mentions_of_both(rows, limit):
    """The entities of the first and of the second text of each pair."""
    pick = MentionIds(limit, name="mentions_of_one")
    second = ops.equal(rows["segment_ids"], 1)
    nothing = -ops.ones_like(rows["entity_ids"])
    return (
        pick(ops.where(second, nothing, rows["entity_ids"])),
        pick(ops.where(second, rows["entity_ids"], nothing)),
    )
