"""Triples as texts: a head's and a relation's against tails', compared within the batch."""

import tensorflow as tf

from kgkeras.checks import describe, positive_int
from kgkeras.kg.inverse import has_inverses
from kgkeras.ops.packing import packed
from kgkeras.pipelines.known_triples import KnownTriples
from kgkeras.pipelines.passes import (
    checked_batch_size,
    endless_batches,
    shuffled_rows,
    step_seed,
    triple_steps,
)
from kgkeras.pipelines.texts import trim


def text_triple_batches(
    graph,
    texts,
    *,
    batch_size,
    self_negatives=True,
    queue_size=0,
    both_directions=False,
    sort_window=1,
    first_epoch=0,
    steps_per_epoch=None,
    seed=0,
):
    """Endless training batches of triples as texts, for `models.TextLinkPredictor`.

    Triples come in the order of `one_vs_all_batches`, `triple_steps` batches an epoch, and training
    resumes as it does there. Batches are as long as their longest text, up to a multiple of eight.
    Where the texts name neighbours, a head's text does not name the tail it is asked for, nor a
    tail's its head.

    Args:
        graph: `kg.KnowledgeGraph` with inverse relations, through which heads are asked for:
            `train.with_inverses()`. Its facts are the known ones.
        texts: `TripleTexts`.
        batch_size: Triples a batch, a multiple of the number of replicas. All tails of the batch
            are candidates for each query.
        self_negatives: Whether the head of each query is a candidate, too.
        queue_size: Further candidates: the tails of so many triples before this batch, a multiple
            of `batch_size`, as the model has encoded them then.
        both_directions: Whether each tail is also to tell its query from the others' ones.
        sort_window: Batches whose triples are put in the order of their texts' lengths and shared
            out anew, in random order: short texts are then hardly padded. 1 leaves them.
        first_epoch: Epoch to begin with.
        steps_per_epoch: Batches an epoch, as `fit` is told; `triple_steps` where None.
        seed: Seed of the orders.

    Returns:
        `tf.data.Dataset` of dicts: `query_token_ids`, `query_padding_mask`, `tail_token_ids` and
        `tail_padding_mask` `(batch_size, tokens)`; `head`, `relation`, `tail` `(batch_size,)`, ids;
        `labels`, int8 `(batch_size, batch_size + self_negatives + queue_size)`: 1 for a query's own
        tail, -1 for other candidates that make a known triple with it, 0 for the rest. With
        `self_negatives`, `head_token_ids` and `head_padding_mask`. With a queue, `queued`
        `(batch_size, queue_size // batch_size)`: the entities in it, -1 for none, column by column.
        With `both_directions`, `query_labels` `(batch_size, batch_size)`: row `i` says which
        queries tail `i` answers.

    Raises:
        ValueError: If the graph holds no triple or has no inverse relations, the texts are of
            another graph, the replicas cannot share a batch, `sort_window` is not positive, or the
            queue does not hold whole batches.
    """
    batch_size = checked_batch_size(batch_size)
    steps = triple_steps(graph, batch_size)
    _check_texts(graph, texts)
    num_queued = _batches_queued(queue_size, batch_size)
    triples = tf.convert_to_tensor(graph.triples)
    known = KnownTriples(graph.triples, graph.num_entities, graph.num_relations)
    rows = _TextRows(texts)
    chosen = _rows_by_length(
        graph, texts, batch_size, positive_int("sort_window", sort_window), seed
    )

    def batch(step):
        head, relation, tail = tf.unstack(tf.gather(triples, chosen(step)), axis=1)
        x = {"head": head, "relation": relation, "tail": tail}
        x |= _named("query", *rows.queries(head, relation, tail))
        x |= _named("tail", *rows.entities(tail, head))
        candidates = [tf.broadcast_to(tail, [batch_size, batch_size])]
        if self_negatives:
            x |= _named("head", *rows.entities(head, tail))
            candidates.append(head[:, None])
        if num_queued:
            queued = tf.stack([earlier(step - back) for back in range(num_queued, 0, -1)])
            x["queued"] = tf.transpose(queued)
            candidates.append(tf.broadcast_to(tf.reshape(queued, [-1]), [batch_size, queue_size]))
        candidates = tf.concat(candidates, axis=1)
        ignored = known.contains(head[:, None], relation[:, None], candidates) | (candidates < 0)
        labels = -tf.cast(ignored, tf.int8)
        # A query's own triple is known; its own column is on the diagonal.
        x["labels"] = tf.linalg.set_diag(labels, tf.ones([batch_size], tf.int8))
        if both_directions:
            x["query_labels"] = tf.transpose(x["labels"][:, :batch_size])
        return x

    def earlier(step):
        """The tails of another batch, -1 before the first."""
        return tf.where(step < 0, -1, tf.gather(triples[:, 2], chosen(tf.maximum(step, 0))))

    return endless_batches(batch, steps, first_epoch, steps_per_epoch)


def _rows_by_length(graph, texts, batch_size, window, seed):
    """A function of a step that gives its batch's rows: `shuffled_rows`, sorted in a window."""
    if window == 1:
        return lambda step: shuffled_rows(step, batch_size, graph.num_triples, seed)
    head, relation, tail = graph.triples.T
    asked = texts.entity_lengths[head] + texts.relation_lengths[relation]
    lengths = asked * (texts.entity_tokens.shape[1] + 1) + texts.entity_lengths[tail]
    lengths = tf.convert_to_tensor(lengths)

    def chosen(step):
        block = step // window
        rows = shuffled_rows(block, window * batch_size, graph.num_triples, seed)
        rows = tf.gather(rows, tf.argsort(tf.gather(lengths, rows), stable=True))
        order = tf.random.experimental.stateless_shuffle(
            tf.range(window), step_seed(seed, block, 0)
        )
        return tf.reshape(rows, [window, batch_size])[order[step % window]]

    return chosen


class _TextRows:
    """Gathers the tokens of texts."""

    def __init__(self, texts):
        # By name and one by one, so that no array becomes a constant in the graph.
        self._entities = tuple(
            tf.convert_to_tensor(a) for a in (texts.entity_tokens, texts.entity_lengths)
        )
        self._relations = tuple(
            tf.convert_to_tensor(a) for a in (texts.relation_tokens, texts.relation_lengths)
        )
        self._owners = None if texts.owners is None else tf.convert_to_tensor(texts.owners)

    def entities(self, ids, unnamed):
        """Tokens of entities, and where they are, without the names of `unnamed`."""
        return packed(*self._kept(ids, unnamed))

    def queries(self, head, relation, unnamed):
        """Tokens of heads, without the names of `unnamed`, and relations behind them."""
        parts = self._kept(head, unnamed), _rows(*self._relations, relation)
        return packed(*(tf.concat(columns, axis=1) for columns in zip(*parts, strict=True)))

    def _kept(self, ids, unnamed):
        tokens, kept = _rows(*self._entities, ids)
        if self._owners is not None:
            kept &= tf.gather(self._owners, ids) != unnamed[:, None]
        return tokens, kept


def _rows(tokens, lengths, ids):
    return tf.gather(tokens, ids), tf.sequence_mask(tf.gather(lengths, ids), tokens.shape[1])


def _named(name, token_ids, padding_mask):
    (columns,) = trim({"token_ids": token_ids, "padding_mask": padding_mask})
    return {f"{name}_{key}": column for key, column in columns.items()}


def _check_texts(graph, texts):
    if not has_inverses(graph):
        raise ValueError(
            "`graph` must have inverse relations, through which heads are asked for: "
            f"`graph.with_inverses()`. Received: {graph.num_relations} relations without."
        )
    wanted = graph.num_entities, graph.num_relations // 2
    found = texts.num_entities, texts.num_relations
    if wanted != found:
        raise ValueError(
            f"`texts` must be of {wanted[0]} entities and {wanted[1]} relations, as `graph` is. "
            f"Received: {found[0]} and {found[1]}."
        )


def _batches_queued(queue_size, batch_size):
    if isinstance(queue_size, bool) or queue_size < 0 or queue_size % batch_size:
        raise ValueError(
            f"`queue_size` must be a multiple of the batch size, {batch_size}. "
            f"{describe(queue_size)}."
        )
    return int(queue_size) // batch_size
