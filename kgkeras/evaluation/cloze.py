"""What a masked language model knows by heart: facts told as sentences with a gap (LAMA)."""

import dataclasses

import numpy as np
from keras import ops

from kgkeras.checks import one_of, positive_int
from kgkeras.ops import compiled, ranks_from_scores
from kgkeras.pipelines import encode_texts

_HEAD, _TAIL = "[X]", "[Y]"


@dataclasses.dataclass(frozen=True)
class Cloze:
    """The ranks of right answers among the candidates for the gaps.

    Attributes:
        facts: int32 `(n, 3)`: head, relation, tail of the facts that were asked for.
        ranks: float32 `(n,)`: the rank of each tail; 1 is best, ties count as the mean.
    """

    facts: np.ndarray
    ranks: np.ndarray

    def figures(self, ks=(1, 10)):
        """Dict of `facts`, `mrr` and `precision@k`, the share of ranks that are at most `k`."""
        return _figures(self.ranks, ks)

    def by_relation(self, ks=(1, 10)):
        """The same of each relation, by its id."""
        relations = self.facts[:, 1]
        return {int(r): _figures(self.ranks[relations == r], ks) for r in np.unique(relations)}


def cloze(
    model,
    preprocessor,
    graph,
    templates,
    facts=None,
    *,
    candidates=None,
    known=None,
    score="mean",
    batch_size=64,
):
    """Asks a masked language model for the tails of facts.

    A candidate of `m` pieces is judged by the sentence with `m` masks in the gap, by the log
    probabilities of its pieces, each at its mask: their mean or their sum, which prefers short
    names. The head is linked as in any text, so that knowledge of it can enter.

    Args:
        model: `models.KnowledgeMaskedLM`, or another whose output `tokens` are logits.
        preprocessor: `text.Preprocessor` that it was trained with; its tokenizer has a mask.
        graph: `kg.KnowledgeGraph`, for the names.
        templates: Dict from relation ids to sentences such as `"[X] is the capital of [Y]."`.
        facts: Integers `(n, 3)`; those of `graph` where None. Facts of relations without a template
            are left out.
        candidates: Entity ids to choose from, the tails of the facts among them; a dict from
            relation ids to such; all of `graph` where None.
        known: Integers `(k, 3)`: facts whose tails are no competitors of others that are true, too;
            `graph.triples` where None.
        score: "mean" or "sum".
        batch_size: Sentences at a time.

    Returns:
        `Cloze`.

    Raises:
        ValueError: If a template lacks a place, no fact has a template, a tail is no candidate, or
            the tokenizer has no mask.

    Reference: Petroni et al., Language models as knowledge bases?, EMNLP 2019.
    """
    one_of("score", score, ("mean", "sum"))
    batch_size = positive_int("batch_size", batch_size)
    facts = _asked(graph.triples if facts is None else facts, templates)
    known = graph.triples if known is None else np.asarray(known).reshape(-1, 3)
    queries, which = np.unique(facts[:, :2], axis=0, return_inverse=True)
    which = which.reshape(-1)
    sentences = [templates[r].replace(_HEAD, graph.entity_name(h)) for h, r in queries.tolist()]
    groups = _groups(facts, candidates, graph.num_entities)
    every = np.unique(np.concatenate([among for _, among in groups])).tolist()
    gaps = _Gaps(preprocessor, sentences, [graph.entity_name(i) for i in every])
    pieces = dict(zip(every, gaps.answers, strict=True))
    asked = [np.unique(which[rows], return_inverse=True) for rows, _ in groups]
    scores = _scores(
        model,
        gaps,
        [
            (questions, [pieces[entity] for entity in among.tolist()])
            for (questions, _), (_, among) in zip(asked, groups, strict=True)
        ],
        score == "mean",
        batch_size,
    )
    # Ranked all at once, since ranking is compiled for each shape.
    target = np.empty(len(facts), "int32")
    columns, left_out = [None] * len(facts), [None] * len(facts)
    for (rows, among), (_, places), found in zip(groups, asked, scores, strict=True):
        target[rows] = np.searchsorted(among, facts[rows, 2])
        true = _true_columns(facts[rows], known, among)
        for row, place, others in zip(rows, places.reshape(-1), true, strict=True):
            columns[row], left_out[row] = found[place], others
    ranks = ranks_from_scores(
        _matrix(columns, -np.inf, "float32"), target, _matrix(left_out, -1, "int32")
    )
    return Cloze(facts, ops.convert_to_numpy(ranks))


def _groups(facts, candidates, num_entities):
    """Rows of the facts that have the same candidates, with these, sorted."""
    if isinstance(candidates, dict):
        relations = np.unique(facts[:, 1])
        if missing := [int(r) for r in relations if int(r) not in candidates]:
            raise ValueError(
                "`candidates` must have an entry for each relation of the facts. "
                f"Received: none for {missing}."
            )
        groups = [(np.flatnonzero(facts[:, 1] == r), candidates[int(r)]) for r in relations]
    else:
        every = np.arange(num_entities) if candidates is None else candidates
        groups = [(np.arange(len(facts)), every)]
    groups = [(rows, np.unique(among)) for rows, among in groups]
    if wrong := [int(i) for _, among in groups for i in among if not 0 <= i < num_entities]:
        raise ValueError(f"`candidates` must be ids in [0, {num_entities}). Received: {wrong[0]}.")
    if not all(np.isin(facts[rows, 2], among).all() for rows, among in groups):
        raise ValueError("`candidates` must hold the tail of each fact. Received: one without.")
    return groups


def _scores(model, gaps, groups, mean, batch_size):
    """How well answers fit gaps: a list of float32 `(gaps, answers)`, one a group.

    Args:
        model: As for `cloze`.
        gaps: `_Gaps`.
        groups: List of pairs: numbers of gaps, and the answers for them as lists of tokens.
        mean: Whether the mean of the tokens' log probabilities counts, or their sum.
        batch_size: As for `cloze`.
    """
    log_probabilities = _log_probabilities(model)
    lengths = [np.array([len(tokens) for tokens in answers]) for _, answers in groups]
    scores = [np.empty((len(asked), len(answers)), "float32") for asked, answers in groups]
    # The gaps of all groups that have answers of one length are filled together.
    for length in np.unique(np.concatenate(lengths)):
        tokens = {
            group: np.array([answer for answer in answers if len(answer) == length])
            for group, (_, answers) in enumerate(groups)
            if length in lengths[group]
        }
        rows = [(group, row) for group in tokens for row in range(len(scores[group]))]
        for first in range(0, len(rows), batch_size):
            group, row = np.array(rows[first : first + batch_size]).T
            asked = np.array([groups[g][0][r] for g, r in zip(group, row, strict=True)])
            found = log_probabilities(gaps.inputs(asked, length))  # (gaps, length, tokens)
            for g in np.unique(group):
                mine = found[group == g]
                total = sum(mine[:, i, piece] for i, piece in enumerate(tokens[g].T))
                columns = np.flatnonzero(lengths[g] == length)
                scores[g][np.ix_(row[group == g], columns)] = total / (length if mean else 1)
    return scores


def _log_probabilities(model):
    """A function from inputs to the tokens' log probabilities at each mask, a NumPy array."""

    def log_probabilities(inputs):
        logits = ops.cast(model(inputs, training=False)["tokens"], "float32")
        return ops.log_softmax(logits, axis=-1)

    forward = compiled(log_probabilities, model.variables)
    return lambda inputs: ops.convert_to_numpy(
        forward({name: inputs[name] for name in model.input})
    )


class _Gaps:
    """Sentences whose gap can be filled with any number of masks, and answers as tokens."""

    def __init__(self, preprocessor, sentences, names):
        tokenizer = preprocessor.tokenizer
        if tokenizer.mask_id is None:
            raise ValueError("`preprocessor` must have a tokenizer with a [MASK]. Received: none.")
        self._pad_id = tokenizer.pad_id
        self._ends = tokenizer.start_id, tokenizer.mask_id, tokenizer.end_id
        before, after = zip(*(sentence.split(_TAIL) for sentence in sentences), strict=True)
        # All at once: the preprocessor is made into a graph anew for each list of texts.
        read = _inner(encode_texts(preprocessor, [*before, *after, *names]))
        self._halves = read[: len(before)], read[len(before) : 2 * len(before)]
        self.answers = [tokens or [tokenizer.unknown_id] for tokens, _ in read[2 * len(before) :]]

    def inputs(self, rows, length):
        """Columns of the sentences `rows` with `length` masks, and where these are."""
        start, mask, end = self._ends
        told = []
        for row in rows.tolist():
            (before, linked), (after, linked_after) = (half[row] for half in self._halves)
            tokens = [start, *before, *[mask] * length, *after, end]
            entities = [-1, *linked, *[-1] * length, *linked_after, -1]
            told.append((tokens, entities, 1 + len(before)))
        width = -(-max(len(tokens) for tokens, _, _ in told) // 8) * 8
        token_ids, entity_ids = (
            np.array([row[i] + [fill] * (width - len(row[i])) for row in told], "int32")
            for i, fill in ((0, self._pad_id), (1, -1))
        )
        lengths = np.array([len(tokens) for tokens, _, _ in told])
        return {
            "token_ids": token_ids,
            "padding_mask": np.arange(width) < lengths[:, None],
            "entity_ids": entity_ids,
            "segment_ids": np.zeros_like(token_ids),
            "entity_positions": np.zeros((len(told), 1), "int32"),
            "mask_positions": np.array([row[2] + np.arange(length) for row in told], "int32"),
        }


def _inner(encoded):
    """The tokens and their entities, without start and end: a pair of lists a text."""
    return [
        (tokens[mask][1:-1].tolist(), entities[mask][1:-1].tolist())
        for tokens, mask, entities in zip(
            *(encoded[name] for name in ("token_ids", "padding_mask", "entity_ids")), strict=True
        )
    ]


def _asked(facts, templates):
    """The facts that there is a sentence for, int32 `(n, 3)`."""
    for relation, template in templates.items():
        if template.count(_HEAD) != 1 or template.count(_TAIL) != 1:
            raise ValueError(
                "Each of `templates` must hold [X] once and [Y] once. "
                f"Received: {template!r} for relation {relation}."
            )
    facts = np.asarray(facts, "int32").reshape(-1, 3)
    facts = facts[np.isin(facts[:, 1], list(templates))]
    if not len(facts):
        raise ValueError("`templates` must be of relations of the facts. Received: none of them.")
    return facts


def _true_columns(facts, known, candidates):
    """The places among the candidates of all true tails of each fact's query: a list of lists."""
    tails = {}
    place = {int(entity): column for column, entity in enumerate(candidates)}
    for head, relation, tail in np.asarray(known).tolist():
        if tail in place:
            tails.setdefault((head, relation), set()).add(place[tail])
    return [sorted(tails.get((h, r), ())) for h, r, _ in facts.tolist()]


def _matrix(rows, fill, dtype):
    """Rows of several lengths, filled up."""
    matrix = np.full((len(rows), max(1, *map(len, rows))), fill, dtype)
    for row, values in zip(matrix, rows, strict=True):
        row[: len(values)] = values
    return matrix


def _figures(ranks, ks):
    shares = {f"precision@{k}": float(np.mean(ranks <= k)) for k in ks}
    return {"facts": len(ranks), "mrr": float(np.mean(1 / ranks)), **shares}
