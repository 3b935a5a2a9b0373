"""The entities of a vocabulary inside a SavedModel: found by name, and called by name."""

import numpy as np
import tensorflow as tf

from kgkeras.checks import describe
from kgkeras.export.endpoint import Endpoint
from kgkeras.text import StringList, StringTable


class EntityNames:
    """Tables between the names of entities and their ids.

    An entity is found by its identifier, or by a name that no other entity has: what
    `Vocabulary.entity_id` finds. Only a name with a tab or a line end is left out, as the tables
    are lines of text.

    Args:
        vocabulary: A `kgkeras.models.Vocabulary`.

    Attributes:
        ids: Callable: int32 ids of a string tensor, -1 where a name is unknown.
        names: Callable: the names to show for a tensor of ids, "" for a negative one. A blank name
            gives way to the identifier.
        tracked: What `write_saved_model` must be told of.

    Raises:
        ValueError: If an identifier holds a tab or a line end.
    """

    def __init__(self, vocabulary):
        self.ids = StringTable(*_keys_and_ids(vocabulary), "entities")
        self.names = StringList(shown_names(vocabulary), "entity_names")
        self.tracked = [self.ids, self.names]
        self._samples = {"entity": np.array(vocabulary.entities[:8], dtype=object)}

    def embed_endpoint(self, embedding):
        """The signature `embed_entities` over an `EntityEmbedding`.

        It takes `entity` strings and gives `embedding` float32 `(batch, dim)`, zeros where the
        entity is unknown, and `known` bool, False there.
        """

        def embed_entities(entity):
            ids = self.ids(entity)
            return {"embedding": tf.cast(embedding(ids), tf.float32), "known": ids >= 0}

        return Endpoint("embed_entities", embed_entities, [strings("entity")], self._samples)


def strings(name):
    """The `tf.TensorSpec` of an input that is one string a row."""
    return tf.TensorSpec([None], tf.string, name=name)


def shown_names(vocabulary):
    """Names to show for the entities, in their order: the identifier where a name is blank."""
    pairs = zip(vocabulary.entity_names, vocabulary.entities, strict=True)
    return [name if name.strip() else identifier for name, identifier in pairs]


def check_identifiers(identifiers, of):
    """Raises a `ValueError` unless each identifier comes back unchanged from a `StringList`."""
    for identifier in identifiers:
        if " ".join(identifier.split()) != identifier:
            raise ValueError(
                f"Identifiers of {of} must have no white space but single spaces inside, as "
                f"they are kept in lines of text. {describe(identifier)}."
            )


def _keys_and_ids(vocabulary):
    """Byte strings that stand for one entity each, and the entities' ids."""
    ids, shared = {}, set()
    for i, name in enumerate(vocabulary.entity_names):
        if name in ids:
            shared.add(name)
        elif name and not any(character in name for character in "\t\n\r"):
            ids[name] = i
    for name in shared:
        del ids[name]
    # Behind the names, as an identifier is meant first.
    ids.update((identifier, i) for i, identifier in enumerate(vocabulary.entities))
    return [name.encode() for name in ids], ids.values()
