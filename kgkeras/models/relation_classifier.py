"""Which relation a sentence tells between two marked mentions, in the light of a graph."""

from kgkeras.layers import PairReader
from kgkeras.models.marked_text import MarkedTextModel
from kgkeras.registration import serializable


@serializable
class RelationClassifier(MarkedTextModel):
    """Reads a sentence, and what a graph knows about the two that are marked in it.

    The head sees the states of the words where the marks open and, with `triples`, the vectors of
    the two entities, what lies between them, and how plausible the graph's scorer holds every one
    of its relations between the two (`layers.PairReader`). A mention that is not linked adds
    zeros. With a `fusion` the entities' vectors also enter the words, and the marks that open the
    two mentions as if these were words of theirs.

    `fit`, `evaluate` and `predict` are Keras' own. Batches that hold triples of the graph teach the
    tables these too, as in `JointModel`: `pipelines.TaskSubgraph` finds those that concern the
    texts. Without `triples` this is the text-only twin.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, words, dim)`.
        head: Layer from the features to outputs, such as `layers.ClassificationHead`.
        marks: Token ids of the four marks, which open and close the first mention and the second:
            `tokenizer.marker_ids`.
        triples: `layers.TripleEmbedding`, or None for the text-only twin.
        fusion: A `layers.Fusion`; None leaves the words as they are.
        fusion_after: As for `JointModel`.
        scorer: A `scorers.Scorer`; `DistMult` where None.
        pooling: Layer `(text, token_ids, padding_mask)` to `(batch, dim)`; where None, the
            `layers.TokenPooling` of the two marks that open.
        max_mentions: How many of a text's entities a fusion that chooses among candidates sees.
        kg_weight: As for `JointModel`.
        kg_loss: As for `JointModel`.

    Call arguments:
        inputs: Dict of `token_ids` `(batch, words)` int32, `padding_mask` `(batch, words)` bool
            and, with `triples`, `entity_ids` `(batch, words)` int32, negative for no entity. See
            `JointModel` for what training may add. Further keys are ignored.

    Returns:
        What `head` returns, such as logits `(batch, classes)`.

    Raises:
        ValueError: If `marks` are not four different ids, there is a `fusion` without `triples`,
            or as for `JointModel`.

    References: Baldini Soares et al., Matching the Blanks, ACL 2019, for the words; Zhang et al.,
    ERNIE, ACL 2019, and Peters et al., KnowBert, EMNLP 2019, for knowledge in them.

    Example:
    ```python
    marks = ("<e1>", "</e1>", "<e2>", "</e2>")
    encoder, tokenizer = text.load_encoder("bert_base_en", markers=marks)
    head = layers.ClassificationHead(len(task.classes), dropout=0.1)
    model = RelationClassifier(encoder, head, tokenizer.marker_ids, triples, layers.GatedFusion())
    ```
    """

    num_mentions = 2

    def _told(self, triples, scorer, vectors, known):
        # The reader's first argument is for readers that look at the text.
        return PairReader(scorer, triples.relations, name="reader")(vectors[:, 0], vectors, known)
