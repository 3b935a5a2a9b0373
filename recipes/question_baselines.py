"""What a question answerer must beat: the text alone, a classifier of paths, and embeddings.

Used by `question_answering.py` and `half_graph_questions.py`; see there.
"""

import keras
import numpy as np
from keras import ops

from kgkeras import layers, losses, models, optimizers, pipelines, regularizers, scorers, text


class PathFinder:
    """Which paths of relations lead from an entity to which entities, never back to where it began.

    Args:
        graph: `kgkeras.kg.KnowledgeGraph`, with inverse relations.
        hops: Length of a path.
    """

    def __init__(self, graph, hops):
        self.graph, self.hops = graph, hops
        facts = np.unique(graph.triples, axis=0)
        self.starts = np.searchsorted(facts[:, 0], np.arange(graph.num_entities + 1))
        self.relations, self.tails = facts[:, 1], facts[:, 2]

    def reached(self, topic, path=None):
        """Pairs of a path's number and an entity that it leads to, as two arrays.

        Args:
            topic: Entity to begin at.
            path: Number of the only path to follow; all paths where None.
        """
        keys = np.array([topic], "int64")  # number of the path so far * entities + entity
        entities, relations = self.graph.num_entities, self.graph.num_relations
        wanted = None if path is None else self.steps(path)
        for hop in range(self.hops):
            before, entity = np.divmod(keys, entities)
            first, last = self.starts[entity], self.starts[entity + 1]
            count = last - first
            place = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
            relation, tail = self.relations[place], self.tails[place]
            keys = (np.repeat(before, count) * relations + relation) * entities + tail
            kept = tail != topic
            if wanted is not None:
                kept &= relation == wanted[hop]
            keys = np.unique(keys[kept])
        return np.divmod(keys, entities)

    def steps(self, path):
        """The relations of a path of this number, in order."""
        relations = self.graph.num_relations
        return [path // relations ** (self.hops - 1 - hop) % relations for hop in range(self.hops)]

    def best(self, topic, answers):
        """The paths whose entities agree best with the answers (F1), and how well: 1 is exactly."""
        paths, entities = self.reached(topic)
        if not len(paths):
            return paths, 0.0
        numbers, row = np.unique(paths, return_inverse=True)
        right = np.bincount(row, np.isin(entities, answers), len(numbers))
        f1 = 2 * right / (np.bincount(row, minlength=len(numbers)) + len(answers))
        return numbers[f1 == f1.max()], f1.max()


def path_accuracy(known, test, outputs):
    """The share of questions whose walk, followed from the topic, reaches the answers exactly."""
    told, right = known.with_inverses(), 0
    finders = [PathFinder(told, hops) for hops in (1, 2, 3)]
    for topic, answers, walk in zip(test.topics, test.answers, outputs["facts"][:, 0], strict=True):
        relations = walk[walk[:, 1] >= 0, 1]
        if len(relations):
            number = 0
            for relation in relations:
                number = number * told.num_relations + int(relation)
            reached = finders[len(relations) - 1].reached(topic, number)[1]
            right += np.array_equal(reached, np.unique(answers[answers >= 0]))
    return right / len(test.topics)


def _classifier(tokenizer, dim, classes, loss, metrics=()):
    """A question's classes from its words alone."""
    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }
    words = text.LSTMEncoder(tokenizer.vocabulary_size, dim, dropout=0.1)(inputs)
    logits = keras.layers.Dense(classes)(layers.MeanPooling()(words, *inputs.values()))
    model = keras.Model(inputs, logits)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=list(metrics), jit_compile=False)
    return model


def masked(encoded, tokenizer):
    """Tokens in which names of entities are unknown words."""
    named = encoded["entity_ids"] >= 0
    return encoded | {"token_ids": np.where(named, tokenizer.unknown_id, encoded["token_ids"])}


def _words_only(inputs, labels):
    return {name: inputs[name] for name in ("token_ids", "padding_mask")}, labels


def _fit(model, encoded, labels, config):
    batches = pipelines.joint_batches(
        encoded, labels, batch_size=config.batch_size, seed=config.seed
    ).map(_words_only)
    steps = pipelines.steps_per_epoch(len(labels), config.batch_size)
    model.fit(batches, steps_per_epoch=steps, epochs=config.epochs, shuffle=False)


def _best(model, encoded, labels, config):
    """The class of each question; all logits at once, of all entities, would take gigabytes."""
    batches = pipelines.text_batches(encoded, labels, 4 * config.batch_size).map(_words_only)
    return np.concatenate(
        [np.argmax(model.predict_on_batch(inputs), axis=1) for inputs, _ in batches]
    )


def _answer_loss(answers, logits):
    """Cross-entropy with all answers, alike; `answers` `(batch, k)` are filled up with -1."""
    answers = ops.cast(answers, "int32")
    told = ops.cast(answers >= 0, "float32")
    found = ops.take_along_axis(ops.log_softmax(logits), ops.maximum(answers, 0), axis=1)
    return -ops.sum(found * told, axis=1) / ops.maximum(ops.sum(told, axis=1), 1.0)


def text_only_hits(config, graph, tokenizer, train, test):
    """Hits@1 of an encoder that names entities from the question's words, without the graph."""
    model = _classifier(tokenizer, config.dim, graph.num_entities, _answer_loss)
    _fit(model, *train, config)
    best = _best(model, *test, config)
    return float(np.mean((test[1] == best[:, None]).any(axis=1)))


def path_classifier_hits(config, finder, tokenizer, train, test):
    """Hits@1 of a classifier of paths that learns from the paths that reproduce the answers.

    It answers with all that its path reaches; Hits@1 is the share of that which is right. Where
    several paths reproduce the answers alike, the one that does so most often is learned.

    Args:
        config: Of `question_answering.py`.
        finder: `PathFinder`.
        tokenizer: The questions' tokenizer.
        train: Tokens with the names of entities masked, topics and answers of the questions to
            learn from.
        test: The same of the questions to answer.
    """
    encoded, topics, answers = train
    found = [finder.best(t, a[a >= 0])[0] for t, a in zip(topics, answers, strict=True)]
    counts = dict(zip(*np.unique(np.concatenate(found), return_counts=True), strict=True))
    chosen = [max(paths, key=counts.get) if len(paths) else -1 for paths in found]
    classes, labels = np.unique(chosen, return_inverse=True)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = _classifier(tokenizer, config.dim, len(classes), loss, ["accuracy"])
    _fit(model, encoded, labels.astype("int32"), config)
    encoded, topics, answers = test
    paths = classes[_best(model, encoded, topics, config)]
    hits = []
    for topic, path, right in zip(topics, paths, answers, strict=True):
        reached = finder.reached(topic, int(path))[1] if path >= 0 else ()
        hits.append(np.isin(reached, right).mean() if len(reached) else 0.0)
    return float(np.mean(hits))


class EmbeddingAnswerer(keras.Model):
    """Scores every entity as the tail of the question's entity and the question (EmbedKGQA).

    Reference: Saxena et al., Improving multi-hop question answering over knowledge graphs using
    knowledge base embeddings, ACL 2020.
    """

    def __init__(self, encoder, predictor):
        super().__init__()
        self.encoder, self.scorer = encoder, predictor.scorer
        self.entities = predictor.triples.entities
        self.pooling = layers.MeanPooling()
        self.relation = keras.layers.Dense(predictor.triples.relation_dim)
        self.first = layers.MentionIds(1)

    def call(self, inputs):
        token_ids, padding_mask = inputs["token_ids"], inputs["padding_mask"]
        words = self.encoder({"token_ids": token_ids, "padding_mask": padding_mask})
        relation = self.relation(self.pooling(words, token_ids, padding_mask))
        topic = self.first(inputs["entity_ids"])[:, 0]
        scores = self.scorer.score_tails(self.entities(topic), relation, self.entities.vectors())
        # No question is answered by what it asks about; -1, no topic, is nobody's number.
        return scores - 1e9 * ops.one_hot(topic, self.entities.num_entities, dtype=scores.dtype)


def fact_predictor(config, graph):
    """A `LinkPredictor` by ComplEx that has learned the facts of a graph without inverses."""
    # Few facts an entity: without the penalty they are learned by heart.
    predictor = models.LinkPredictor.from_graph(
        graph, scorers.ComplEx(), config.dim, regularizer=regularizers.N3(0.05)
    )
    # Drawn entities stand for all, so that its shares are those among all entities.
    drawn = min(4096, graph.num_entities)
    loss = losses.CrossEntropyLoss(negative_weight=graph.num_entities / drawn)
    predictor.compile(optimizers.SparseAdagrad(0.1), loss)
    told = graph.with_inverses()
    batches = pipelines.sampled_batches(told, batch_size=512, num_negatives=drawn, seed=config.seed)
    steps = pipelines.triple_steps(told, 512)
    predictor.fit(batches, steps_per_epoch=steps, epochs=config.fact_epochs, shuffle=False)
    return predictor


def embedding_hits(config, predictor, tokenizer, train, test):
    """Hits@1, together and by hops, of embeddings alone.

    The question, in a relation's place, and the entities' vectors learn the answers.

    Args:
        config: Of `half_graph_questions.py`.
        predictor: What `fact_predictor` gives. Its vectors go on learning.
        tokenizer: The questions' tokenizer.
        train: `Questions` to learn from.
        test: `Questions` to answer.
    """
    encoder = text.LSTMEncoder(tokenizer.vocabulary_size, config.dim, dropout=0.1)
    model = EmbeddingAnswerer(encoder, predictor)
    model.compile(keras.optimizers.Adam(1e-3), _answer_loss, jit_compile=False)
    model.fit(
        pipelines.joint_batches(
            masked(train.encoded, tokenizer), train.answers, batch_size=128, seed=config.seed
        ),
        steps_per_epoch=pipelines.steps_per_epoch(len(train.topics), 128),
        epochs=config.epochs,
        shuffle=False,
    )
    right = [
        (labels == ops.argmax(model(inputs), axis=1)[:, None]).numpy().any(axis=1)
        for inputs, labels in pipelines.text_batches(
            masked(test.encoded, tokenizer), test.answers, 256
        )
    ]
    right = np.concatenate(right)
    by_hops = {f"hits@1_{n}_hops": float(right[test.hops == n].mean()) for n in set(test.hops)}
    return {"hits@1": float(right.mean()), **by_hops}
