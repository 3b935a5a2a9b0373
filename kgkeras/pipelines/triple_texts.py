"""The texts of a graph's entities and relations, tokenized once."""

import dataclasses

import numpy as np

from kgkeras.checks import describe, positive_int
from kgkeras.kg import Texts
from kgkeras.kg.inverse import check_no_inverses
from kgkeras.pipelines.texts import encode_texts

_NAME_TOKENS = 16  # Most pieces of a neighbour's name.


@dataclasses.dataclass(frozen=True)
class TripleTexts:
    """Tokens of all entities and relations: row `i` is about entity or relation `i`.

    An entity's row begins with the tokenizer's start token and ends with its end token; a
    relation's has but the latter, since it stands behind an entity's.

    Args:
        entity_tokens: int32 array `(num_entities, tokens)`.
        entity_lengths: int32 array `(num_entities,)`: how many of them are tokens, not padding.
        relation_tokens: int32 array `(2 * num_relations, tokens)`; inverse relations have rows.
        relation_lengths: int32 array `(2 * num_relations,)`.
        owners: int32 array of the shape of `entity_tokens`: which neighbour's name a token belongs
            to, -1 for none; None where no row names a neighbour.

    Raises:
        ValueError: If shapes do not fit each other, or a row is empty.
    """

    entity_tokens: np.ndarray
    entity_lengths: np.ndarray
    relation_tokens: np.ndarray
    relation_lengths: np.ndarray
    owners: np.ndarray | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, np.asarray(value, dtype="int32"))
        for kind in ("entity", "relation"):
            _check_rows(kind, getattr(self, f"{kind}_tokens"), getattr(self, f"{kind}_lengths"))
        if len(self.relation_tokens) % 2:
            raise ValueError(
                "`relation_tokens` must have a row for the inverse of each relation. "
                f"Received: {len(self.relation_tokens)} rows."
            )
        if self.owners is not None and self.owners.shape != self.entity_tokens.shape:
            raise ValueError(
                f"`owners` must have the shape of `entity_tokens`, {self.entity_tokens.shape}. "
                f"Received: shape {self.owners.shape}."
            )

    @classmethod
    def from_graph(
        cls,
        graph,
        tokenizer,
        *,
        max_tokens=64,
        max_relation_tokens=16,
        max_neighbours=0,
        phrases=None,
    ):
        """The texts of a graph: names and descriptions, or identifiers where there is no name.

        Args:
            graph: `kg.KnowledgeGraph` without inverse relations; their texts are made here.
            tokenizer: `text.WordTokenizer` or `text.WordPieceTokenizer`.
            max_tokens: Most tokens of an entity, start and end included; the rest is cut off.
            max_relation_tokens: Most tokens of a relation, the end included.
            max_neighbours: How many neighbours in the graph, those of the lowest numbers, are named
                behind an entity's own text, as far as there is room (Wang et al., ACL 2022). So
                `graph` should be the training graph.
            phrases: Mapping of relations to pairs of texts, which stand behind a head and behind a
                tail in place of a relation's name and of "inverse of" it: `{"UsedFor": ("is used
                for", "what is used for it")}`.

        Raises:
            ValueError: If the graph has inverse relations already, a number is not positive, or
                `phrases` has another relation or no pair of texts.
        """
        check_no_inverses(graph)
        texts = [_entity_text(graph, i) for i in range(graph.num_entities)]
        tokens, lengths = _tokenized(tokenizer, texts, max_tokens)
        owners = None
        if max_neighbours:
            table = _neighbours(graph, positive_int("max_neighbours", max_neighbours))
            names = [graph.entity_name(i) for i in range(graph.num_entities)]
            names = _tokenized(tokenizer, names, _NAME_TOKENS)
            lengths, owners = _append_names(tokens, lengths, names, table, tokenizer.end_id)
        # A relation's start token is cut off again.
        most = positive_int("max_relation_tokens", max_relation_tokens) + 1
        relations, relation_lengths = _tokenized(
            tokenizer, _relation_texts(graph, phrases or {}), most
        )
        width, relation_width = lengths.max(), relation_lengths.max()
        return cls(
            tokens[:, :width],
            lengths,
            relations[:, 1:relation_width],
            relation_lengths - 1,
            None if owners is None else owners[:, :width],
        )

    def cached(self, encoder, after, *others):
        """These texts as the lower layers of an encoder read them, once and for all.

        A query's two texts, an entity's and a relation's, are then read each by itself and see each
        other in the upper layers only. So a model of queries learns, and is to be ranked, with what
        is returned here, and never with other texts; entities' vectors are those of the encoder.

        Args:
            encoder: As for `text.CachedEncoder`, like `after`.
            after: How many layers are read once.
            *others: Further `TripleTexts` that the same encoder is to read, as those of a graph of
                new entities.

        Returns:
            A `text.CachedEncoder`, and the `TripleTexts` that it takes, these and one for each of
            `others`.

        Raises:
            ValueError: If texts name neighbours: lower layers would tell of those that a batch
                leaves out. Or as `text.CachedEncoder`.
        """
        from kgkeras.text import CachedEncoder  # TF Text loads when it is first used.

        kinds = [(texts, kind) for texts in (self, *others) for kind in ("entity", "relation")]
        if any(texts.owners is not None for texts, _ in kinds):
            raise ValueError("Texts that name neighbours cannot be cached. Received: `owners`.")
        rows = [getattr(texts, f"{kind}_tokens") for texts, kind in kinds]
        lengths = np.concatenate([getattr(texts, f"{kind}_lengths") for texts, kind in kinds])
        width = max(tokens.shape[1] for tokens in rows)
        padded = [np.pad(tokens, [(0, 0), (0, width - tokens.shape[1])]) for tokens in rows]
        encoder = CachedEncoder(encoder, after, np.concatenate(padded), lengths)
        places = np.split(CachedEncoder.places(lengths, width), np.cumsum([*map(len, rows)])[:-1])
        found = [place[:, : tokens.shape[1]] for place, tokens in zip(places, rows, strict=True)]
        pairs = zip((self, *others), found[::2], found[1::2], strict=True)
        return encoder, *(
            dataclasses.replace(texts, entity_tokens=entities, relation_tokens=relations)
            for texts, entities, relations in pairs
        )

    @property
    def num_entities(self):
        """Number of entities."""
        return len(self.entity_tokens)

    @property
    def num_relations(self):
        """Number of relations, without the inverse ones."""
        return len(self.relation_tokens) // 2

    @property
    def max_tokens(self):
        """Most tokens that a query, an entity's text and a relation's, can have."""
        return int(self.entity_lengths.max() + self.relation_lengths.max())


def _check_rows(kind, tokens, lengths):
    if tokens.ndim != 2 or lengths.shape != tokens.shape[:1]:
        raise ValueError(
            f"`{kind}_tokens` must be (rows, tokens) and `{kind}_lengths` (rows,). "
            f"Received: shapes {tokens.shape} and {lengths.shape}."
        )
    wrong = np.flatnonzero((lengths < 1) | (lengths > tokens.shape[1]))
    if len(wrong):
        raise ValueError(
            f"Each of `{kind}_lengths` must be between 1 and {tokens.shape[1]}. "
            f"{describe(int(lengths[wrong[0]]))} at {int(wrong[0])}."
        )


def _entity_text(graph, i):
    """The name, and the description without the name that it may begin with."""
    name, description = graph.entity_name(i), graph.entity_texts.descriptions[i].strip()
    rest = description.removeprefix(name)
    if rest != description and not rest[:1].isalnum():
        description = rest.strip(" ,:;")
    return f"{name}: {description}" if description else name


def _relation_texts(graph, phrases):
    """A text for each relation and, behind them, each inverse."""
    for relation, pair in phrases.items():
        told = isinstance(pair, (tuple, list)) and [type(text) for text in pair] == [str, str]
        if not told or relation not in graph.relations:
            raise ValueError(
                "`phrases` must map relations of the graph to pairs of texts. "
                f"Received: {relation!r}: {pair!r}."
            )
    names = [graph.relation_name(i) for i in range(graph.num_relations)]
    named = dataclasses.replace(graph, relation_texts=Texts(names=names))
    texts = list(named.with_inverses().relation_texts.names)
    for i, relation in enumerate(graph.relations):
        if relation in phrases:
            texts[i], texts[i + len(names)] = phrases[relation]
    return texts


def _tokenized(tokenizer, texts, max_tokens):
    """Tokens between start and end, and how many there are in each row."""
    from kgkeras.text import Preprocessor  # TF Text loads when it is first used.

    encoded = encode_texts(Preprocessor(tokenizer, sequence_length=max_tokens), texts)
    lengths = encoded["padding_mask"].sum(axis=1, dtype="int32")
    return encoded["token_ids"], lengths


def _neighbours(graph, most):
    """Up to `most` other entities that share a fact with each: `(num_entities, most)`, then -1."""
    pairs = np.concatenate([graph.triples[:, [0, 2]], graph.triples[:, [2, 0]]]).astype("int64")
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    entity, other = np.divmod(
        np.unique(pairs[:, 0] * graph.num_entities + pairs[:, 1]), graph.num_entities
    )
    place = np.arange(len(entity)) - np.searchsorted(entity, entity)
    table = np.full((graph.num_entities, most), -1, dtype="int32")
    first = place < most
    table[entity[first], place[first]] = other[first]
    return table


def _append_names(tokens, lengths, names, neighbours, end_id):
    """Writes the names of neighbours behind each row of `tokens`, as far as there is room.

    Returns:
        The new lengths, and the owners of all tokens.
    """
    name_tokens, name_lengths = names
    pieces, sizes = name_tokens[:, 1:-1], name_lengths - 2  # without start and end
    owners = np.full(tokens.shape, -1, dtype="int32")
    last = tokens.shape[1] - 1
    ends = lengths - 1
    for column in neighbours.T:
        size = np.where(column >= 0, sizes[column], 0)
        row, piece = np.nonzero(np.arange(pieces.shape[1]) < size[:, None])
        place = ends[row] + piece
        row, piece, place = (values[place < last] for values in (row, piece, place))
        tokens[row, place] = pieces[column[row], piece]
        owners[row, place] = column[row]
        ends = np.minimum(ends + size, last)
    tokens[np.arange(len(tokens)), ends] = end_id
    return ends + 1, owners
