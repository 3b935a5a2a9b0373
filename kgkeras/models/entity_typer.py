"""What kind of thing a marked mention is, in the light of a graph."""

from keras import ops

from kgkeras.models.marked_text import MarkedTextModel
from kgkeras.registration import serializable


@serializable
class EntityTyper(MarkedTextModel):
    """Reads a sentence, and what a graph knows about the one mention that is marked in it.

    The head sees the state of the word where the mark opens and, with `triples`, the entity's
    vector and whether there is one. Otherwise as `RelationClassifier`, whose arguments, inputs and
    ways to train it has; a head of the kind `"multilabel"` gives a mention several types.

    Args:
        marks: Token ids of the two marks, which open and close the mention.
        **others: As for `RelationClassifier`.

    Raises:
        ValueError: As `RelationClassifier`, of two marks.

    Reference: Zhang et al., ERNIE, ACL 2019, section 4.4.
    """

    num_mentions = 1

    def _told(self, triples, scorer, vectors, known):
        return ops.concatenate([vectors[:, 0], ops.cast(known, vectors.dtype)], axis=-1)
