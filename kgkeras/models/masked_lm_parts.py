"""What a masked language model with knowledge is put together from, and whether that fits."""

import keras

from kgkeras.checks import one_of
from kgkeras.layers import DescribedTriples, MentionIds, TripleEmbedding
from kgkeras.layers.triple_embedding import check_tables


def id_input(name):
    """Symbolic ids, `(batch, any)`."""
    return keras.Input((None,), dtype="int32", name=name)


def input_names(encoder):
    """What an encoder takes, where it can tell."""
    inputs = getattr(encoder, "input", None)
    return set(inputs) if isinstance(inputs, dict) else set()


def text_inputs(encoder, fusion):
    """The inputs that the words depend on."""
    if other := input_names(encoder) - {"token_ids", "padding_mask", "segment_ids"}:
        raise ValueError(
            "`encoder` must read tokens alone: masks have no place among facts told as words. "
            f"Received: an encoder that also takes {sorted(other)}."
        )
    inputs = {
        "token_ids": id_input("token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }
    if "segment_ids" in input_names(encoder):
        inputs["segment_ids"] = id_input("segment_ids")
    if fusion is not None:
        inputs["entity_ids"] = id_input("entity_ids")
    return inputs


def fused_words(encoder, inputs, triples, fusion, fusion_after, max_mentions):
    """The words' vectors, with knowledge in them where there is a fusion."""
    tokens = {name: column for name, column in inputs.items() if name != "entity_ids"}
    if fusion is None:
        return encoder(tokens)
    ids = inputs["entity_ids"]
    if fusion.candidates:
        ids = MentionIds(max_mentions, name="mention_ids")(ids)
    vectors, linked = triples.entities(ids), ids >= 0
    if fusion_after is None:
        return fusion(encoder(tokens), vectors, linked)
    return encoder.encode_with(lambda words: fusion(words, vectors, linked), fusion_after, tokens)


def token_head(encoder, vocabulary_size):
    """The layer that tells hidden tokens, which has the encoder's vectors of tokens."""
    # Not above: models of ids alone work without TF Text.
    from kgkeras.text import masked_lm_head

    return masked_lm_head(encoder, vocabulary_size, name="masked_lm_head")


def check_knowledge(triples, fusion, entity_candidates):
    """Raises a `ValueError` unless the parts that bring knowledge fit each other."""
    if entity_candidates is not None:
        one_of("entity_candidates", entity_candidates, ("all", "batch"))
    used = fusion is not None or entity_candidates is not None
    if isinstance(triples, DescribedTriples):
        fits = not used
    elif isinstance(triples, TripleEmbedding):
        check_tables(triples)
        fits = used
    else:
        fits = triples is None and not used
    if not fits:
        raise ValueError(
            "`triples` must be a TripleEmbedding with `fusion`, `entity_candidates` or both, a "
            "DescribedTriples with neither, or None for the text-only twin. Received: "
            f"triples={triples!r}, fusion={fusion!r}, entity_candidates={entity_candidates!r}."
        )


def check_place(encoder, fusion, fusion_after, text_layers):
    """Raises a `ValueError` unless knowledge can be fused there, and reaches hidden words."""
    if fusion_after is not None and (fusion is None or not hasattr(encoder, "encode_with")):
        raise ValueError(
            "`fusion_after` needs a `fusion` and an encoder with `encode_with`, such as "
            f"text.TransformerEncoder. Received: fusion={fusion!r}, encoder={encoder!r}."
        )
    if text_layers and fusion is None:
        raise ValueError(f"`text_layers` come behind a `fusion`. Received: {text_layers!r}.")
    reaches = fusion is None or fusion.candidates or fusion_after is not None or text_layers
    if not reaches:
        raise ValueError(
            f"{type(fusion).__name__} brings knowledge to linked words, which hidden ones are not: "
            "a layer must follow it, by `fusion_after` or `text_layers`. Received: neither."
        )
