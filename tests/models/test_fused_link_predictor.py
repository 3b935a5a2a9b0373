"""Link predictors of text and structure: saved, exported, asked about what they never saw."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import (
    evaluation,
    export,
    graph,
    kg,
    layers,
    losses,
    models,
    optimizers,
    pipelines,
    scorers,
)
from tests import lands

FUSIONS = {
    "concat": layers.ConcatFusion,
    "sum": layers.SumFusion,
    "gated": layers.GatedFusion,
    "attention": layers.AttentionFusion,
}


def _texts(facts):
    """A bag of words an entity: which land it is of, and of what kind."""
    vectors = np.zeros((facts.num_entities, len(lands.NAMES) + len(lands.KINDS)), "float32")
    for i, entity in enumerate(facts.entities):
        name, _, kind = entity.partition("_")
        vectors[i, lands.NAMES.index(name)] = 1
        vectors[i, len(lands.NAMES) + lands.KINDS.index(kind)] = 1
    return vectors


def _model(facts, fusion="gated", scorer=None, **options):
    keras.utils.set_random_seed(1)
    fusion = FUSIONS[fusion]() if fusion else None
    options = {"fusion": fusion, "structure_dropout": 0.3, **options}
    model = models.FusedLinkPredictor.from_graph(
        facts, scorer or scorers.RESCAL(), 16, _texts(facts), **options
    )
    model.compile(optimizers.LazyAdam(0.02), losses.CrossEntropyLoss(), jit_compile=False)
    return model


def _fit(model, facts, epochs=60):
    batches = pipelines.one_vs_all_batches(facts.with_inverses(), batch_size=10)
    steps = 2 * facts.num_triples // 10
    return model.fit(batches, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0)


def _mrr(model, facts):
    return evaluation.rank(model, facts, facts).metrics()["mrr"]


@pytest.fixture(scope="module")
def facts():
    return lands.graph()


@pytest.mark.parametrize("fusion", [*FUSIONS, None])
def test_it_learns_and_answers_as_a_plain_model_of_its_vectors(facts, fusion):
    model = _model(facts, fusion)
    before = _mrr(model, facts)
    _fit(model, facts, 20)
    assert _mrr(model, facts) > max(0.5, before + 0.2)
    plain = model.as_tables()
    assert type(plain) is models.LinkPredictor
    assert model.as_tables(into=plain) is plain
    head, relation, tail = facts.triples.T
    wanted = model.score_tails(head, relation)
    np.testing.assert_allclose(plain.score_tails(head, relation), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        model.score(head, relation, tail), wanted.numpy()[np.arange(len(tail)), tail], rtol=1e-4
    )
    np.testing.assert_allclose(model.entity_vectors(), plain.entity_vectors(), rtol=1e-5)


def test_entities_never_seen_are_found_by_their_texts():
    """The rule, the same name but another kind, is learned of the texts of other entities."""
    hidden = ("bora_city", "ilma_tongue")
    facts, whole = lands.graph(without=hidden), lands.graph()
    model = _model(facts, "sum", scorers.TransE(), structure_dropout=0.8)
    _fit(model, facts)
    vectors = _texts(whole)
    new = [whole.entity_index[name] for name in hidden]
    grown = model.add_entities(hidden, text_vectors=vectors[new])
    assert grown.num_entities == whole.num_entities
    for name, (head, relation) in zip(
        hidden, (("bora_land", "capital"), ("ilma_land", "language")), strict=True
    ):
        assert name in [a.identifier for a in grown.top_tails(head, relation, k=2)]
    rows = {grown.vocabulary.entities[i]: v for i, v in enumerate(grown.entity_vectors())}
    for name, vector in zip(facts.entities, model.entity_vectors(), strict=True):
        np.testing.assert_allclose(rows[name], vector, rtol=1e-5)
    other = model.about(whole, vectors)
    assert other.vocabulary.entities == whole.entities
    alone = _model(whole)
    assert alone.triples.entities.structured.numpy().all()
    assert not other.triples.entities.structured.numpy().any()
    assert _mrr(other, whole) > 0.4


def test_each_alone_also_has_to_tell(facts):
    """The loss is the sum of three, those of a model of either alone among them."""
    batch = next(
        iter(pipelines.sampled_batches(facts.with_inverses(), batch_size=8, num_negatives=5))
    )
    x = batch if isinstance(batch, dict) else batch[0]

    def loss(model):
        return float(model.compute_loss(x, None, None, training=False))

    model = _model(facts, "sum", view_weight=0.5, structure_dropout=0.0)
    plain = _model(facts, "sum", structure_dropout=0.0)
    plain.set_weights(model.get_weights()[: len(plain.get_weights())])
    structure = models.LinkPredictor.from_graph(facts, scorers.RESCAL(), 16)
    structure.compile("sgd", losses.CrossEntropyLoss())
    structure.triples.entities.table.assign(model.triples.entities.table)
    structure.triples.relations.table.assign(model.triples.relations.table)
    text = _model(facts, "sum", structure_dropout=0.0)
    text.set_weights(plain.get_weights())
    text.triples.entities.table.assign(text.triples.entities.table * 0)
    wanted = loss(plain) + 0.5 * (loss(structure) + loss(text))
    np.testing.assert_allclose(loss(model), wanted, rtol=1e-5)
    history = _fit(model, facts, 2).history
    assert {"loss", "structure_loss", "text_loss"} <= set(history)
    with pytest.raises(ValueError, match="`view_weight` needs a fusion"):
        _model(facts, None, view_weight=1.0)


def test_saved_loaded_and_exported(facts, tmp_path):
    model = _model(facts, "concat", view_weight=0.5)
    _fit(model, facts, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    head, relation, _ = facts.triples[:8].T
    wanted = model.score_tails(head, relation)
    np.testing.assert_array_equal(loaded.score_tails(head, relation), wanted)
    _fit(loaded, facts, 1)
    folder = export.export_model(model, tmp_path / "m", k=3)
    names = [facts.entities[i] for i in head], [facts.relations[i] for i in relation]
    answer = tf.saved_model.load(str(folder)).signatures["top_tails"](
        head=tf.constant(names[0]), relation=tf.constant(names[1])
    )
    best = -np.sort(-np.asarray(wanted), axis=1)[:, :3]
    np.testing.assert_allclose(answer["scores"], best, rtol=1e-4, atol=1e-5)


def test_row_sparse_training_is_dense_training(facts):
    """The table's rows are looked up; a dense optimizer makes the same of them."""
    results = []
    for optimizer in (optimizers.SparseAdagrad(0.05), keras.optimizers.Adagrad(0.05, 0.0, 1e-20)):
        model = _model(facts, structure_dropout=0.0)
        model.compile(optimizer, losses.CrossEntropyLoss(), jit_compile=False)
        batches = pipelines.sampled_batches(facts.with_inverses(), batch_size=10, num_negatives=8)
        model.fit(batches, steps_per_epoch=6, shuffle=False, verbose=0)
        results.append(model.entity_vectors())
    np.testing.assert_allclose(*results, rtol=2e-3, atol=2e-4)


def test_bad_arguments(facts):
    model = _model(facts)
    with pytest.raises(ValueError, match=r"`text_vectors` must have the shape \(1, 13\)"):
        model.add_entities(["x"], text_vectors=np.zeros((2, 13)))
    other = lands.told(("a_land", "b_city"), [("a_land", "capital", "b_city")])
    with pytest.raises(ValueError, match=r"`text_vectors` must have the shape \(2, 13\)"):
        model.about(other, np.zeros((2, 5)))
    for vocabulary in (model.vocabulary, None):
        model.vocabulary = vocabulary
        with pytest.raises(ValueError, match=r"the model's 2 relations, .* Received: 1 relations"):
            model.about(kg.KnowledgeGraph(["a"], ["capital"], np.zeros((0, 3))), np.zeros((1, 13)))
    with pytest.raises(ValueError, match="must not have inverse relations"):
        models.FusedLinkPredictor.from_graph(
            facts.with_inverses(), scorers.ComplEx(), 8, _texts(facts)
        )


@pytest.mark.parametrize("reciprocal", [True, False])
@pytest.mark.parametrize("scorer", [scorers.ComplEx(), scorers.TuckER(relation_dim=4)])
def test_begins_with_a_structure_that_was_learned(facts, scorer, reciprocal):
    known = models.LinkPredictor.from_graph(facts, scorer, 16, reciprocal=reciprocal)
    model = _on_top(known, facts)
    assert model.reciprocal == reciprocal
    wanted = _assert_same(model, known, facts)
    model.compile(optimizers.LazyAdam(0.02), losses.CrossEntropyLoss(), jit_compile=False)
    told = facts.with_inverses() if reciprocal else facts
    batches = pipelines.one_vs_all_batches(told, batch_size=10)
    model.fit(batches, steps_per_epoch=8, shuffle=False, verbose=0)
    head, relation, _ = facts.triples.T
    assert np.abs(model.score_tails(head, relation) - wanted).max() > 0.01
    np.testing.assert_array_equal(known.score_tails(head, relation), wanted)


def test_begins_with_what_an_encoder_makes_of_tables(facts):
    encoder = graph.GraphEncoder.from_graph(facts, [graph.CompGraphConv(8)])
    known = models.LinkPredictor.from_graph(facts, scorers.DistMult(), 16, encoder=encoder)
    _assert_same(_on_top(known, facts), known, facts)


def _on_top(known, facts):
    fusion = layers.GatedFusion(initial_bias=-30.0)
    return models.FusedLinkPredictor.from_structure(known, facts, _texts(facts), fusion=fusion)


def _assert_same(model, known, facts):
    head, relation, _ = facts.triples.T
    wanted = np.array(known.score_tails(head, relation))
    np.testing.assert_allclose(model.score_tails(head, relation), wanted, rtol=1e-4, atol=1e-5)
    return wanted


def test_what_a_model_cannot_begin_with(facts):
    known = models.LinkPredictor.from_graph(facts, scorers.ComplEx(), 16)
    make, fusion = models.FusedLinkPredictor.from_structure, layers.GatedFusion()
    with pytest.raises(ValueError, match="`fusion` must combine"):
        make(known, facts, _texts(facts), fusion=None)
    other = lands.graph(without=("bora_city",))
    with pytest.raises(ValueError, match=r"the 29 entities of `graph`.* a model of 30"):
        make(known, other, _texts(other), fusion=fusion)
    turned = dataclasses.replace(facts, entities=facts.entities[::-1])
    with pytest.raises(ValueError, match="the 30 entities of `graph`, in their order"):
        make(known, turned, _texts(turned), fusion=fusion)
