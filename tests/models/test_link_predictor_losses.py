"""What a `LinkPredictor`'s loss counts beside the scores: dropout, weights, what layers add."""

import keras
import numpy as np
import pytest

from kgkeras import layers, losses, models, optimizers, pipelines, regularizers, scorers
from tests import toy

REGIMES = {
    "one_vs_all": (pipelines.one_vs_all_batches, {}),
    "queries": (pipelines.query_batches, {"max_answers": 2}),
    "sampled": (pipelines.sampled_batches, {"num_negatives": 8}),
}
KINDS = pytest.mark.parametrize("kind", REGIMES)


def _first(kind, batch_size=30):
    make, options = REGIMES[kind]
    return next(iter(make(toy.graph().with_inverses(), batch_size=batch_size, **options)))


def _model(scorer=None, dim=16, loss=None, compiled=None, **arguments):
    keras.utils.set_random_seed(0)
    model = models.LinkPredictor.from_graph(
        toy.graph(), scorer or scorers.ComplEx(), dim, **arguments
    )
    model.compile(optimizers.SparseAdagrad(), loss or losses.CrossEntropyLoss(), **compiled or {})
    return model


def _loss(model, x, training=True):
    x = {name: keras.ops.convert_to_tensor(ids) for name, ids in x.items()}
    return float(model.compute_loss(x, None, model(x), None, training=training))


@KINDS
@pytest.mark.parametrize("name", ["TuckER", "ConvE"])
def test_dropout_of_scorers_is_active_in_training_alone(kind, name):
    def model(rate):
        if name == "TuckER":
            return _model(scorers.TuckER(dropout=rate), relation_weight=1.0)
        names = ("input_dropout", "feature_dropout", "hidden_dropout")
        return _model(scorers.ConvE(height=4, **dict.fromkeys(names, rate)), dim=17)

    x, (plain, dropping) = _first(kind), (model(0.0), model(0.9))
    weights = dropping.trainable_variables, plain.trainable_variables
    for new, old in zip(*weights, strict=True):
        new.assign(old)
    calm = _loss(plain, x)
    assert _loss(dropping, x, training=False) == pytest.approx(calm, rel=1e-5)
    assert abs(_loss(dropping, x) - calm) > 1e-3
    assert _loss(dropping, x) != _loss(dropping, x)


@pytest.mark.parametrize("initializer", ["a name", "seeded", "not seeded"])
def test_relations_begin_otherwise_than_entities(initializer):
    uniform = keras.initializers.RandomUniform
    initializer = {"a name": "uniform", "seeded": uniform(-1, 1, 3), "not seeded": uniform()}[
        initializer
    ]
    texts = np.ones((30, 2), "float32")
    fused = models.FusedLinkPredictor.from_graph(
        toy.graph(),
        scorers.ComplEx(),
        16,
        texts,
        fusion=layers.SumFusion(),
        initializer=initializer,
    )
    triples = layers.TripleEmbedding.from_sizes(30, 6, 16, initializer=initializer)
    triples.build()
    again = [_model(initializer=initializer) for _ in range(2)]
    for part in (fused.triples, triples, again[0].triples):
        first = part.entities.table.numpy()[:6]
        assert np.abs(first - part.relations.table.numpy()).min() > 0
    if getattr(initializer, "seed", None) == 3:
        tables = [model.triples.relations.table.numpy() for model in again]
        np.testing.assert_array_equal(*tables)


@KINDS
def test_loss_weights_and_losses_of_layers_count_once(kind):
    x, plain = _first(kind), _model()
    half = _model(compiled={"loss_weights": 0.5})
    assert _loss(half, x) == pytest.approx(_loss(plain, x) / 2, rel=1e-5)
    positional = _model()
    positional.compile(optimizers.SparseAdagrad(), losses.CrossEntropyLoss(), 0.5)
    assert _loss(positional, x) == pytest.approx(_loss(plain, x) / 2, rel=1e-5)
    core = keras.regularizers.L2(1.0)
    models_ = [_model(scorers.TuckER(core_initializer="ones")) for _ in range(2)]
    models_[1].scorer.core.regularizer = core
    added = float(core(models_[1].scorer.core))
    assert added > 1
    assert _loss(models_[1], x) == pytest.approx(_loss(models_[0], x) + added, rel=1e-5)


@pytest.mark.parametrize("kind", ["one_vs_all", "queries"])
@pytest.mark.parametrize("reciprocal", [True, False])
def test_weights_of_rows_count_against_all_entities_too(kind, reciprocal):
    if kind == "queries" and not reciprocal:
        pytest.skip("Queries ask for tails only.")
    x, model = _first(kind, 6), _model(reciprocal=reciprocal)
    if not reciprocal:
        x = {**x, "relation": x["relation"] % 3}
    alone = []
    for i in range(6):
        row = {name: ids[i : i + 1] for name, ids in x.items()}
        alone.append(_loss(model, row))
    weight = np.arange(6, dtype="float32")
    weighted = _loss(model, {**x, "weight": weight})
    assert weighted == pytest.approx(np.mean(weight * alone), rel=1e-5)


def test_regularized_loss_of_queries_still_takes_the_short_way(monkeypatch):
    model = _model(regularizer=regularizers.N3(0.1))
    monkeypatch.setattr(
        "kgkeras.models.candidates._multi_hot", lambda *_: pytest.fail("a matrix of labels")
    )
    assert np.isfinite(_loss(model, _first("queries")))


def test_what_cannot_count_is_refused():
    model, x = _model(), _first("one_vs_all")
    with pytest.raises(ValueError, match="Weights of triples stand in the batch, as `weight`"):
        model.compute_loss(x, None, model(x), np.ones(30))
    with pytest.raises(ValueError, match="RankingCallback"):
        _model(compiled={"metrics": ["accuracy"]})
    with pytest.raises(ValueError, match=r"such as ComplEx\(\)\. Received: 'complex'"):
        _model("complex")
    with pytest.raises(ValueError, match=r"such as ComplEx\(\)"):
        models.FusedLinkPredictor.from_graph(toy.graph(), scorers.ComplEx, 4, np.ones((30, 2)))
    with pytest.raises(ValueError, match=r"`known` must be a kg\.KnowledgeGraph"):
        model.top_tails("e0", "r0", known=toy.graph().triples)
