"""A link predictor over what a graph encoder makes of its tables."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import (
    datasets,
    evaluation,
    export,
    graph,
    losses,
    models,
    optimizers,
    pipelines,
    regularizers,
    scorers,
)
from tests import toy
from tests.processes import one_and_two

DIM = 16


def _layers(kind, relations=2 * toy.NUM_RELATIONS):
    return {
        "none": list,
        "rgcn": lambda: [
            graph.RelationalGraphConv(
                DIM, relations, num_bases=3, activation="tanh", residual=True
            ),
            graph.RelationalGraphConv(24, relations, num_blocks=2),
        ],
        "compgcn": lambda: [
            graph.CompGraphConv(DIM, "mult", activation="tanh", dropout=0.1),
            graph.CompGraphConv(24, "sub"),
        ],
        "both": lambda: [
            graph.RelationalGraphConv(DIM, relations, num_blocks=2, dropout=0.1),
            graph.CompGraphConv(24, "corr"),
        ],
    }[kind]()


def _predictor(kind, facts=None, scorer=None, optimizer=None, encoding=None, **arguments):
    facts = facts or toy.graph()
    encoder = None
    if kind is not None:
        made = _layers(kind, 2 * facts.num_relations)
        encoder = graph.GraphEncoder.from_graph(facts, made, **(encoding or {}))
    model = models.LinkPredictor.from_graph(
        facts, scorer or scorers.DistMult(), DIM, encoder=encoder, **arguments
    )
    model.compile(optimizer or optimizers.LazyAdam(0.01), losses.CrossEntropyLoss())
    return model


def _fit(model, kind="queries", epochs=1, batch_size=30, facts=None, callbacks=(), **arguments):
    told = (facts or toy.graph()).with_inverses()
    batches = {
        "queries": pipelines.query_batches,
        "sampled": pipelines.sampled_batches,
        "one_vs_all": pipelines.one_vs_all_batches,
    }[kind](told, batch_size=batch_size, **arguments)
    return model.fit(
        batches,
        steps_per_epoch=told.num_triples // batch_size,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    ).history


def _same_start(one, other):
    """Gives `other` the weights of `one`, whatever else it has."""
    for variable in other.trainable_variables:
        variable.assign(next(v for v in one.trainable_variables if v.path == variable.path))


SAMPLED = {"num_negatives": 8, "chunk_size": 6}


@pytest.mark.parametrize(
    ("regime", "options"),
    [("queries", {"max_answers": 3}), ("one_vs_all", {}), ("sampled", SAMPLED)],
)
def test_an_encoder_without_layers_changes_nothing(regime, options):
    settings = {"regularizer": regularizers.N3(0.1), "relation_weight": 0.5}
    plain, encoded = (
        _predictor(kind, optimizer=optimizers.SparseAdagrad(0.1), **settings)
        for kind in (None, "none")
    )
    _same_start(plain, encoded)
    logs = [_fit(model, regime, epochs=3, **options) for model in (plain, encoded)]
    for name, values in logs[0].items():
        np.testing.assert_allclose(logs[1][name], values, rtol=1e-5, err_msg=name)
    for array in ("entity_vectors", "relation_vectors"):
        wanted, found = (getattr(model, array)() for model in (plain, encoded))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "regime"), [("rgcn", "queries"), ("compgcn", "sampled")])
def test_learns_a_toy_graph(kind, regime):
    facts = toy.graph()
    model = _predictor(kind)
    before = evaluation.rank(model, facts, facts).metrics()["mrr"]
    options = SAMPLED if regime == "sampled" else {"max_answers": 3}
    history = _fit(model, regime, epochs=50, **options)
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    assert evaluation.rank(model, facts, facts).metrics()["mrr"] > 0.7 > 2 * before


@pytest.mark.slow
def test_learns_umls_without_seeing_the_batch(shared_data):
    splits = datasets.load(shared_data / "UMLS")
    model = _predictor(
        "both", splits, encoding={"edge_dropout": 0.1, "hide_batch": True}, entity_dropout=0.1
    )
    before = evaluation.rank(model, splits.valid, splits).metrics()["mrr"]
    _fit(model, epochs=4, facts=splits.train, batch_size=128)
    assert before < 0.1
    assert evaluation.rank(model, splits.valid, splits).metrics()["mrr"] > 0.3


def test_a_step_encodes_once_and_everything_reads_the_result(monkeypatch):
    model = _predictor("compgcn", regularizer=regularizers.N3(0.1), relation_weight=0.5)
    calls, call = [], graph.GraphEncoder.call

    def counted(self, *arguments, **options):
        calls.append(options["facts"])
        return call(self, *arguments, **options)

    monkeypatch.setattr(graph.GraphEncoder, "call", counted)
    told = toy.graph().with_inverses()
    for batches in (
        pipelines.query_batches(told, batch_size=10, max_answers=2),
        pipelines.one_vs_all_batches(told, batch_size=10),
        pipelines.sampled_batches(told, batch_size=10, num_negatives=4, chunk_size=5),
    ):
        x = next(iter(batches))
        x = x[0] if isinstance(x, tuple) else x
        calls.clear()
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x)
        assert len(calls) == 1
        heads = tf.reshape(calls[0][0], [-1])
        np.testing.assert_array_equal(heads, x["head"])
        weights = model.trainable_variables
        missing = [
            weight.path
            for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True)
            if gradient is None or not np.any(gradient)
        ]
        assert not missing


@pytest.mark.slow
def test_tables_answer_as_the_model_does():
    facts = toy.graph()
    # A scorer with weights of its own, which the tables must follow.
    model = _predictor(
        "both", scorer=scorers.TuckER(relation_dim=24), optimizer=keras.optimizers.Adam()
    )
    tables, old = model.as_tables(), model.entity_vectors()
    ranker = evaluation.Ranker(model)
    head, relation, tail = facts.triples.T
    for _ in range(2):
        assert model.as_tables(tables) is tables
        assert tables.as_tables() is tables
        assert tables.triples.encoder is None
        for name, ids in {
            "score": (head, relation, tail),
            "score_tails": (head, relation),
            "score_heads": (None, relation, tail),
            "score_relations": (head, tail),
        }.items():
            wanted, found = (getattr(m, name)(*ids) for m in (model, tables))
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6, err_msg=name)
        np.testing.assert_array_equal(tables.entity_vectors(), model.entity_vectors())
        assert model.entity_vectors().shape == (toy.NUM_ENTITIES, 24)
        np.testing.assert_array_equal(
            ranker.rank(facts, facts).ranks("tail"),
            evaluation.rank(tables, facts, facts).ranks("tail"),
        )
        scores = evaluation.score_triples(model, facts)
        np.testing.assert_allclose(scores, model.score(head, relation, tail), rtol=1e-5, atol=1e-6)
        assert model.top_tails("e0", "r1", k=3)[0].identifier == (
            tables.top_tails("e0", "r1", k=3)[0].identifier
        )
        _fit(model, epochs=5)
    assert not np.allclose(old, model.entity_vectors())
    grown = model.add_entities(["new"], facts=[("new", "r0", "e3")])
    np.testing.assert_array_equal(grown.entity_vectors()[-1], model.entity_vectors()[3])


def test_a_model_without_encoder_is_its_own_tables():
    model = _predictor(None)
    assert model.as_tables() is model


def test_ranking_while_it_trains_sees_each_epoch():
    facts = toy.graph()
    model = _predictor("rgcn")
    ranking = evaluation.RankingCallback(facts, facts)
    history = _fit(model, epochs=20, callbacks=[ranking])
    assert len(set(history["val_mrr"])) > 10
    figures = evaluation.rank(model, facts, facts).metrics()
    np.testing.assert_allclose(history["val_mrr"][-1], figures["mrr"], rtol=1e-6)


@pytest.mark.slow
def test_saved_and_exported_it_ranks_the_same(tmp_path, run_in_clean_process):
    facts = toy.graph()
    model = _predictor("both", encoding={"edge_dropout": 0.2})
    _fit(model, epochs=3)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    ranks, ranks_again = (evaluation.rank(m, facts, facts) for m in (model, again))
    for side in ("head", "tail"):
        np.testing.assert_array_equal(ranks_again.ranks(side), ranks.ranks(side))
    history = _fit(again)  # The optimizer and the facts came along.
    assert np.isfinite(history["loss"]).all()
    folder = export.export_link_predictor(model, tmp_path / "links", k=toy.NUM_ENTITIES)
    request = {"head": ["e0", "e7"], "relation": ["r1", "r2"]}
    answer = run_in_clean_process(folder, "top_tails", request)
    for row, (head, relation) in enumerate(zip(*request.values(), strict=True)):
        wanted = model.top_tails(head, relation, k=toy.NUM_ENTITIES)
        assert answer["tails"][row] == [w.identifier for w in wanted]
        np.testing.assert_allclose(
            answer["scores"][row], [w.score for w in wanted], rtol=1e-5, atol=1e-5
        )


@pytest.mark.slow
def test_a_row_wise_optimizer_does_as_a_dense_one():
    grown = []
    for optimizer in (
        optimizers.SparseAdagrad(0.1, initial_accumulator_value=0.1, epsilon=1e-7),
        keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.1, epsilon=1e-7),
    ):
        keras.utils.set_random_seed(2)
        model = _predictor("rgcn", optimizer=optimizer)
        _fit(model, "sampled", epochs=3, **SAMPLED)
        grown.append(model)
    sparse, dense = (model.trainable_variables for model in grown)
    for one, other in zip(sparse, dense, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4, err_msg=one.path)


def test_an_encoder_that_does_not_fit():
    other = toy.graph()
    smaller = datasets.load("geography")
    encoder = graph.GraphEncoder.from_graph(other, _layers("compgcn"))
    with pytest.raises(ValueError, match="of a graph of 30 entities and 6 relations"):
        models.LinkPredictor.from_graph(smaller, scorers.DistMult(), DIM, encoder=encoder)
    with pytest.raises(ValueError, match="Received: vectors of 30 entities and 3 relations"):
        models.LinkPredictor.from_graph(
            other, scorers.DistMult(), DIM, encoder=encoder, reciprocal=False
        )
    with pytest.raises(ValueError, match="RotatE needs relation vectors of length 12"):
        models.LinkPredictor.from_graph(other, scorers.RotatE(), DIM, encoder=encoder)


def test_relations_that_no_layer_reads_suit_the_scorer():
    model = _predictor("rgcn", scorer=scorers.RotatE(), reciprocal=False)
    assert model.relation_vectors().shape == (toy.NUM_RELATIONS, 12)


_REPLICAS = """
import json, sys
import numpy as np
from kgkeras import evaluation, graph, losses, models, optimizers, pipelines, scorers, training
from tests import toy

facts = toy.graph()
told = facts.with_inverses()
found = {}
for kind, layer in (
    ("rgcn", lambda: graph.RelationalGraphConv(16, 6, num_bases=3, activation="tanh")),
    ("compgcn", lambda: graph.CompGraphConv(16, "mult", activation="tanh")),
):
    training.set_seed(3)
    with training.make_strategy(int(sys.argv[1])).scope():
        encoder = graph.GraphEncoder.from_graph(facts, [layer()])
        model = models.LinkPredictor.from_graph(
            facts, scorers.DistMult(), 16, encoder=encoder, relation_weight=0.5
        )
        model.compile(optimizers.SparseAdagrad(0.1), losses.CrossEntropyLoss())
    batches = pipelines.query_batches(told, batch_size=32, max_answers=4)
    ranking = evaluation.RankingCallback(facts, facts)
    log = model.fit(
        batches, steps_per_epoch=10, epochs=2, verbose=0, shuffle=False, callbacks=[ranking]
    ).history
    found[kind] = model.entity_vectors().ravel().tolist() + log["loss"] + log["val_mrr"]
print(json.dumps(found))
"""


@pytest.mark.slow
def test_one_replica_equals_two():
    one, two = one_and_two(_REPLICAS)
    for kind in one:
        np.testing.assert_allclose(two[kind], one[kind], rtol=1e-3, atol=1e-4, err_msg=kind)
