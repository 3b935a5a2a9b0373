"""Exports a link predictor: names in, names out."""

from kgkeras.export.card import model_card
from kgkeras.export.link_parts import LinkParts, check_answers, check_encoder
from kgkeras.export.writer import write_saved_model
from kgkeras.models import LinkPredictor, TextIndex


def export_link_predictor(model, base, *, k=10, known=None, card=None, version=None):
    """Writes a `LinkPredictor`, `PathPredictor` or ensemble as a SavedModel of names in and out.

    Of an encoder, what it makes of the tables now is written: no graph, and no TF-GNN. A
    `PathPredictor` brings its facts along.

    Signatures, each over a batch:

    - `serving_default` (also `top_tails`): `head` and `relation` string; gives `tails` string
      `(batch, k)`, the identifiers of the best answers, best first, `names` string `(batch, k)`,
      their names to show, `scores` float32 `(batch, k)`, and `known` bool.
    - `top_heads`: `relation` and `tail` string; gives `heads` and the same otherwise.
    - `score`: `head`, `relation` and `tail` string; gives `score` float32 `(batch,)` and `known`.
    - `regress`: `inputs`, serialised `tf.Example`s with these three as string features; gives the
      score as `outputs` float32 `(batch,)`.
    - `neighbours`: `entity` string; gives facts of `known` around it, for people to look at, each
      `(batch, 24)` and filled up: `relations` string, `entities` string, the identifiers of the
      other ends, `names` string, their names, and `inverse` bool, True where `entity` is the tail;
      also `name` string `(batch,)`, the entity's own, and `known`. Of more facts than there is
      room for, it is some at equal distances, by relation. Only with facts in `known`.
    - `embed_entities`: `entity` string; gives `embedding` float32 `(batch, dim)` and `known`. Not
      of a `PathPredictor` or `EnsemblePredictor`, which have no vectors of entities.

    An entity is named by its identifier, or by a name that no other entity has; a relation by its
    identifier. Where a row has a name that is not known, or that several entities share, its
    `known` is False, and it is answered with empty strings, `NO_SCORE` (the lowest float32) for a
    score and zeros for an embedding; the other rows are answered as ever. So are the places of
    answers that are not there, if `known` leaves fewer than `k`.

    Args:
        model: A `kgkeras.models.LinkPredictor`, `PathPredictor` or `EnsemblePredictor` with a
            vocabulary.
        base: Folder of the model's versions.
        k: Number of answers.
        known: `kg.KnowledgeGraph` over the model's entities and relations, whose own answers
            `top_tails` and `top_heads` leave out; it adds 24 bytes a fact. None leaves none out.
        card: Dict that JSON can hold, kept beside the model with the model's class and the sizes of
            its vocabularies.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If the model has no vocabulary, an identifier cannot be kept in a line of text,
            there are fewer than `k` entities, or `known` has another vocabulary.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    check_answers(model, k, known)
    sizes = {"entities": model.num_entities, "relations": model.num_relations}
    card = model_card(card, model, sizes)
    for member in getattr(model, "members", ()):
        if isinstance(member, TextIndex):
            check_encoder(member.model.encoder)
            member.refresh()
    vocabulary = model.vocabulary
    model = model.as_tables() if hasattr(model, "as_tables") else model
    options = {"by_product": getattr(model, "by_product", False)}
    if isinstance(model, LinkPredictor):
        options["embedding"] = model.triples.entities
    parts = LinkParts(model, vocabulary, int(k), known, **options)
    return write_saved_model(
        base, parts.endpoints(), tracked=parts.tracked, card=card, version=version
    )
