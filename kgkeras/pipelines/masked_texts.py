"""Texts with hidden words and entities, for masked language models, beside a graph's triples."""

import numpy as np
import tensorflow as tf

from kgkeras.pipelines.joint import joint_batches, steps_per_epoch
from kgkeras.pipelines.mapping import parallel_map
from kgkeras.pipelines.masking import Masking
from kgkeras.pipelines.passes import step_seed
from kgkeras.pipelines.sentence_pairs import SentencePairs
from kgkeras.pipelines.texts import trim

_COLUMNS = ("token_ids", "padding_mask", "entity_ids", "words", "mentions")


def masked_text_batches(
    encoded,
    tokenizer,
    graph=None,
    *,
    batch_size,
    rate=0.15,
    entity_rate=None,
    whole_words=True,
    documents=None,
    descriptions=None,
    first_epoch=0,
    triples_per_text=8,
    num_negatives=32,
    seed=0,
):
    """Endless batches for a masked language model and, with a graph, of its triples.

    Masks are drawn anew in every epoch. As in `joint_batches`, which chooses texts and triples,
    everything follows from `seed` and the number of the epoch. For validation, take one epoch:
    `masked_text_batches(...).take(steps)` is the same each time.

    Args:
        encoded: What `encode_words` returned for `n` texts.
        tokenizer: That of the preprocessor: a `text.WordPieceTokenizer`, or a `text.WordTokenizer`
            with the marker `"[MASK]"`.
        graph: `kgkeras.kg.KnowledgeGraph` to learn beside the texts.
        batch_size: Texts a batch, a multiple of the number of replicas.
        rate: Part of the words to hide, in `[0, 1)`; see `Masking`.
        entity_rate: Part of the mentions to hide, each as a whole, in `[0, 1)`. None treats their
            words as any others.
        whole_words: Whether the pieces of a word are hidden together.
        documents: Integers `(n,)`, the number of the document that each text is a sentence of, in
            the order of the sentences. Each row then holds two sentences: the second is the next
            one or, with probability 1/2, one of another place.
        descriptions: What `encode_texts` returned for a description of each entity of `graph`, for
            models that encode entities from them.
        first_epoch: Epoch to begin with.
        triples_per_text: As in `joint_batches`.
        num_negatives: As in `joint_batches`.
        seed: Seed of every random choice.

    Returns:
        `tf.data.Dataset` of `(inputs, labels)`, two dicts. The inputs:
            `token_ids`, `padding_mask`: `(batch, tokens)`, the words hidden.
            `entity_ids`: `(batch, tokens)`, -1 also where a word of the mention is hidden.
            `mask_positions`: int32 `(batch, places)`, the hidden tokens; 0 fills up.
            `entity_positions`: with `entity_rate`, int32 `(batch, mentions)`, the first token of
                each hidden mention; 0 fills up.
            `segment_ids`: with `documents`, int32 `(batch, tokens)`, 1 at the second sentence.
            `triples`, `negatives`, `known`: with `graph`, as in `joint_batches`.
            `description_ids`, `description_mask`: with `descriptions`, `(batch, entities, tokens)`
                of the triples' heads, their tails and the negatives, in this order.
        The labels:
            `mask_ids`: int32 `(batch, places)`, the tokens that were there, -1 at unused places.
            `mask_weights`: float32 `(batch, places)`, alike at all places used, 0 at others, so
                that the mean over texts of the sum over places is the mean over hidden tokens,
                also where replicas share the batch.
            `entity_labels`, `entity_weights`: with `entity_rate`, the same of the mentions.
            `next_sentence`: with `documents`, int32 `(batch,)`, 1 where the second sentence is the
                next one.

    Raises:
        ValueError: If an argument is out of range, does not fit the others, or the tokenizer has
            no mask token.
    """
    masking = Masking(tokenizer, rate, entity_rate, whole_words)
    _check_encoded(encoded)
    num_texts = len(encoded["token_ids"])
    rows = np.arange(num_texts, dtype="int32")
    batches = joint_batches(
        {name: encoded[name] for name in _COLUMNS},
        rows,
        graph,
        batch_size=batch_size,
        first_epoch=first_epoch,
        triples_per_text=triples_per_text,
        num_negatives=num_negatives,
        seed=seed,
    )
    pairs = None if documents is None else SentencePairs(encoded, documents, tokenizer.pad_id)
    described = None if descriptions is None else _Descriptions(descriptions, graph)

    def hide(step, batch):
        inputs, rows = batch
        labels = {}
        if pairs is not None:
            inputs, labels = pairs(inputs, rows, step_seed(seed, step, 1))
        inputs, hidden = masking(inputs, step_seed(seed, step, 0))
        if described is not None:
            inputs.update(described(inputs))
        return inputs, {**labels, **hidden}

    first_step = int(first_epoch) * steps_per_epoch(num_texts, batch_size)
    # Not the dataset's own count, which would begin at 0 in each run.
    batches = parallel_map(batches.enumerate(first_step), hide)
    # So that Keras knows how many there are in some that are taken.
    batches = batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return batches.prefetch(tf.data.AUTOTUNE)


class _Descriptions:
    """Adds the descriptions of a batch's entities."""

    def __init__(self, encoded, graph):
        num_entities = None if graph is None else graph.num_entities
        if num_entities != len(encoded["token_ids"]):
            raise ValueError(
                "`descriptions` must be one for each entity of `graph`. Received: "
                f"{len(encoded['token_ids'])} descriptions, {num_entities} entities."
            )
        self._columns = {
            name: tf.convert_to_tensor(encoded[name]) for name in ("token_ids", "padding_mask")
        }

    def __call__(self, inputs):
        triples = inputs["triples"]
        ids = tf.concat([triples[..., 0], triples[..., 2], inputs["negatives"]], axis=1)
        flat = tf.reshape(ids, [-1])
        (columns,) = trim({name: tf.gather(column, flat) for name, column in self._columns.items()})
        length = tf.shape(columns["token_ids"])[1]
        shape = [tf.shape(ids)[0], ids.shape[1], length]
        return {
            "description_ids": tf.reshape(columns["token_ids"], shape),
            "description_mask": tf.reshape(columns["padding_mask"], shape),
        }


def _check_encoded(encoded):
    missing = [name for name in _COLUMNS if name not in encoded]
    if missing:
        raise ValueError(
            "`encoded` must be what `encode_words` returned. "
            f"Missing: {', '.join(map(repr, missing))}. Received: {sorted(encoded)}."
        )
