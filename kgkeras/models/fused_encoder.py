"""A text encoder with the vectors of a text's entities in its words."""

from kgkeras.checks import positive_int
from kgkeras.layers import EntityEmbedding, Fusion
from kgkeras.models.composed import ComposedModel
from kgkeras.models.fused_text import Knowledge, check_place, encoded_words, token_inputs
from kgkeras.models.masked_lm_parts import id_input
from kgkeras.registration import serializable


@serializable
class FusedEncoder(ComposedModel):
    """Encodes a text, looks its entities up, and fuses them with the words.

    Several encoders, and other models, may use one table of entities.

    Args:
        encoder: `keras.Model` from `{"token_ids", "padding_mask"}` to `(batch, words, dim)`.
        entities: A `layers.EntityEmbedding`.
        fusion: A `layers.Fusion`.
        fusion_after: Number of the encoder's layers before the fusion, as of `JointModel`; None for
            behind the encoder.
        max_mentions: How many of a text's entities a fusion that chooses among candidates sees.

    Call arguments:
        inputs: Dict of `token_ids`, `padding_mask` and `entity_ids`, each `(batch, words)`;
            negative ids stand for no entity.

    Returns:
        Float tensor `(batch, words, dim)`.

    Raises:
        ValueError: If a part is not of its kind, or `fusion_after` has no place in the encoder.
    """

    parts = ("encoder", "entities", "fusion")
    settings = ("fusion_after", "max_mentions")

    def __init__(self, encoder, entities, fusion, *, fusion_after=None, max_mentions=8, **kwargs):
        for name, part, kind in (
            ("entities", entities, EntityEmbedding),
            ("fusion", fusion, Fusion),
        ):
            if not isinstance(part, kind):
                raise ValueError(f"`{name}` must be a {kind.__name__} layer. Received: {part!r}.")
        check_place(encoder, fusion, fusion_after)
        max_mentions = positive_int("max_mentions", max_mentions)
        tokens = token_inputs(encoder)
        inputs = {**tokens, "entity_ids": id_input("entity_ids")}
        knowledge = Knowledge(entities, inputs["entity_ids"], max_mentions)
        _, words, _ = encoded_words(encoder, tokens, knowledge, fusion, fusion_after)
        super().__init__(inputs, words, **kwargs)
        self.encoder, self.entities, self.fusion = encoder, entities, fusion
        self.fusion_after, self.max_mentions = fusion_after, max_mentions

    @property
    def dim(self):
        """Length of a word's vector."""
        return self.output.shape[-1]
