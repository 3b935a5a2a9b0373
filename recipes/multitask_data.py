"""The texts and facts of the four tasks of `multitask.py`: language, graph, questions, truth."""

import dataclasses
import functools

import numpy as np

import kgkeras
from kgkeras import pipelines, text

# Facts of these relations are held out, for graph completion: no question asks for them.
_HELD_OUT = ("official_language", "currency", "member_of", "coast_on")


@dataclasses.dataclass(frozen=True)
class Split:
    """What is learned from, or asked for.

    Args:
        sentences: True sentences, for masked language modelling.
        questions: Questions and the ids of the entities that answer them.
        claims: Sentences and whether they are true, 0 or 1.
    """

    sentences: list
    questions: tuple[list, list]
    claims: tuple[list, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Data:
    """The graph to learn, the facts held out, and the texts.

    Those of the test are about entities that no training text names.
    """

    graph: kgkeras.kg.KnowledgeGraph
    held_out: np.ndarray
    train: Split
    valid: Split
    test: Split


def load(name, seed, limit=None):
    """The data of a graph: `geography`, or a benchmark with texts."""
    data = _geography(seed) if name == "geography" else _benchmark(name, seed)
    if limit is None:
        return data
    cut = {split: _cut(getattr(data, split), limit) for split in ("train", "valid", "test")}
    return dataclasses.replace(data, held_out=data.held_out[:limit], **cut)


def _cut(split, limit):
    return Split(
        split.sentences[:limit],
        tuple(column[:limit] for column in split.questions),
        tuple(column[:limit] for column in split.claims),
    )


def _geography(seed):
    whole = kgkeras.datasets.load("geography")
    rng = np.random.default_rng(seed)
    names = np.array(whole.relations)[whole.triples[:, 1]]
    held = np.isin(names, _HELD_OUT) & (rng.random(len(names)) < 0.2)
    task = kgkeras.datasets.load_texts("geography", seed=seed)
    ids = {entity: place for place, entity in enumerate(whole.entities)}
    splits = {}
    for split in ("train", "valid", "test"):
        asked = kgkeras.datasets.load_questions(split=split, data="geography", seed=seed)
        told = getattr(task, split)
        splits[split] = Split(
            [sentence for sentence, label in zip(told.texts, told.labels, strict=True) if label],
            (
                [question.text.replace("[", "").replace("]", "") for question in asked],
                [[ids[answer] for answer in question.answers] for question in asked],
            ),
            (list(told.texts), told.labels),
        )
    graph = dataclasses.replace(whole, triples=whole.triples[~held])
    return Data(graph, whole.triples[held], **splits)


def _benchmark(name, seed, most=20_000):
    """Questions and claims made of names; the test's heads are in no training text."""
    splits = kgkeras.datasets.load(name)
    graph, rng = splits.train, np.random.default_rng(seed)
    part = rng.choice(3, graph.num_entities, p=(0.8, 0.05, 0.15))
    texts = graph.entity_texts.descriptions or graph.entity_texts.names
    made = {}
    for place, split in enumerate(("train", "valid", "test")):
        # A fact is told where both of its ends may be named.
        mine = (part[graph.triples[:, 0]] == place) & (part[graph.triples[:, 2]] <= place)
        facts = graph.triples[mine]
        facts = facts[rng.permutation(len(facts))[:most]]
        made[split] = Split(
            [texts[entity] for entity in np.flatnonzero(part == place) if texts[entity]][:most],
            _questions(graph, facts),
            _claims(graph, facts, rng),
        )
    return Data(graph, splits.test.triples, **made)


def _questions(graph, facts):
    answers = {}
    for head, relation, tail in graph.triples.tolist():
        answers.setdefault((head, relation), []).append(tail)
    asked = list(dict.fromkeys(map(tuple, facts[:, :2].tolist())))
    texts = [f"{graph.entity_name(h)} {graph.relation_name(r)} what?" for h, r in asked]
    return texts, [answers[pair] for pair in asked]


def _claims(graph, facts, rng):
    """Each fact, and one with the tail of another fact of its relation that is no fact."""
    known = set(map(tuple, graph.triples.tolist()))
    texts, labels = [], []
    for relation in np.unique(facts[:, 1]).tolist():
        mine = facts[facts[:, 1] == relation]
        others = rng.permutation(mine[:, 2]).tolist()
        for (head, _, tail), other in zip(mine.tolist(), others, strict=True):
            if (head, relation, other) in known:
                continue
            for label, end in ((1, tail), (0, other)):
                told = (graph.entity_name(head), graph.relation_name(relation))
                texts.append(" ".join((*told, graph.entity_name(end))))
                labels.append(label)
    order = rng.permutation(len(texts))
    return [texts[row] for row in order], np.array(labels, "int32")[order]


class Streams:
    """Batches of each task.

    Args:
        data: A `Data`.
        batch_size: Texts a batch.
        triples: Sizes of the graph's batches, as `pipelines.graph_task_batches` takes them.
        low_data: Share of the claims to learn from.
        seed: Seed of every random choice.
    """

    def __init__(self, data, batch_size, triples, low_data, seed):
        self.data, self.batch_size, self.triples = data, batch_size, triples
        self.low_data, self.seed = low_data, seed
        told = [*data.train.sentences, *data.train.questions[0], *data.train.claims[0]]
        self.tokenizer = text.WordTokenizer.from_texts(told, markers=("[MASK]",))
        self.preprocessor = text.Preprocessor(
            self.tokenizer, text.DictionaryLinker.from_graph(data.graph)
        )

    def train(self, task):
        """Endless batches of a task."""
        options = {"batch_size": self.batch_size, "seed": self.seed}
        if task == "graph":
            return pipelines.graph_task_batches(self.data.graph, **self.triples, seed=self.seed)
        encoded, labels = self._encoded("train", task)
        if task == "language":
            return self._masked(encoded)
        if task == "truth":
            # From the front, as they lie in random order.
            few = max(round(self.low_data * len(labels)), self.batch_size)
            encoded, labels = {name: c[:few] for name, c in encoded.items()}, labels[:few]
        return pipelines.joint_batches(encoded, labels, **options)

    def evaluation(self, task, split):
        """One pass over a task's texts in a split; of the graph, ranked apart, one batch."""
        if task == "graph":
            return self.train(task).take(1)
        encoded, labels = self._encoded(split, task)
        if task == "language":
            steps = pipelines.steps_per_epoch(len(encoded["token_ids"]), self.batch_size)
            return self._masked(encoded).take(steps)
        return pipelines.text_batches(encoded, labels, 8 * self.batch_size)

    def _masked(self, encoded):
        batches = pipelines.masked_text_batches(
            encoded, self.tokenizer, batch_size=self.batch_size, seed=self.seed
        )
        return batches.map(lambda inputs, labels: (inputs, labels["mask_ids"]))

    @functools.cache  # noqa: B019  (as long-lived as the run)
    def _encoded(self, split, task):
        """The texts of a task as ids, and its labels."""
        split = getattr(self.data, split)
        if task == "language":
            return pipelines.encode_words(self.preprocessor, split.sentences), None
        texts, labels = split.questions if task == "questions" else split.claims
        labels = _filled(labels) if task == "questions" else labels
        return pipelines.encode_texts(self.preprocessor, texts), labels


def _filled(rows):
    """Lists of ids as a matrix, -1 behind each."""
    matrix = np.full((len(rows), max(map(len, rows))), -1, "int32")
    for row, ids in zip(matrix, rows, strict=True):
        row[: len(ids)] = ids
    return matrix
