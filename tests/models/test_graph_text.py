"""Models of texts and their subgraphs: learned, rearranged, emptied, saved, replicated."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kgkeras import graph, layers, models, scorers, text
from tests import graph_texts, toy
from tests.processes import last_json

MODES = {
    "attention": ("attention", layers.AttentionFusion),
    "concat": ("linked", layers.ConcatFusion),
    "sum": ("linked", layers.SumFusion),
    "gated": ("linked", layers.GatedFusion),
    "linked_attention": ("linked", layers.AttentionFusion),
    "interaction": ("interaction", layers.InteractionFusion),
}
every_mode = pytest.mark.parametrize("name", MODES)


@pytest.fixture(scope="module")
def world():
    facts = toy.graph()
    return facts, *toy.claims(facts, 512)


@pytest.fixture(scope="module")
def batch(world):
    return graph_texts.batch(*world)


def _model(name, **arguments):
    mode, fusion = MODES[name]
    return graph_texts.model(mode, fusion(), **arguments)


def _output(model, inputs, **changes):
    return np.asarray(model({**inputs, **changes}, training=False))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["attention", "linked", "interaction"])
def test_learns_what_text_alone_cannot(world, mode):
    facts = world[0]
    inputs, labels = toy.claims(facts, 1152)
    model = graph_texts.model(mode, relevance=layers.NodeRelevance(8))
    train = {name: column[128:] for name, column in inputs.items()}
    batches = graph_texts.training_batches(facts, train, labels[128:])
    log = model.fit(batches, epochs=20, steps_per_epoch=32, shuffle=False, verbose=0).history
    assert set(log) == {"loss", "task_loss", "accuracy"}
    # Texts that the model has not seen, of which the text-only twin guesses the half.
    held = {name: column[:128] for name, column in inputs.items()}
    valid = graph_texts.batches(facts, held, labels[:128])
    assert model.evaluate(valid, verbose=0, return_dict=True)["accuracy"] > 0.62


@every_mode
def test_order_and_padding_change_nothing(name, batch):
    inputs, _ = batch
    model = _model(name, relevance=layers.NodeRelevance(8))
    wanted = _output(model, inputs)
    moved = graph_texts.permuted(inputs["graph"])
    assert not np.array_equal(moved["entity"][:, :16], inputs["graph"]["entity"][:, :16])
    np.testing.assert_allclose(_output(model, inputs, graph=moved), wanted, rtol=1e-4, atol=1e-5)
    longer = {
        key: np.pad(inputs[key], [[0, 0], [0, 7]], constant_values=fill)
        for key, fill in (("token_ids", 0), ("padding_mask", False), ("entity_ids", -1))
    }
    found = _output(model, {**inputs, **longer, "further": np.zeros(3)})
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@every_mode
def test_facts_matter_and_only_those_of_the_own_text(name, batch):
    inputs, _ = batch
    model = _model(name)
    wanted = _output(model, inputs)
    graphs = {key: column.copy() for key, column in inputs["graph"].items()}
    graphs["source"][0] = -1
    found = _output(model, inputs, graph=graphs)
    assert np.abs(found[0] - wanted[0]).max() > 1e-5
    np.testing.assert_allclose(found[1:], wanted[1:], rtol=1e-4, atol=1e-5)
    alone = {key: inputs[key][3:4] for key in inputs if key != "graph"}
    alone["graph"] = {key: column[3:4] for key, column in inputs["graph"].items()}
    np.testing.assert_allclose(_output(model, alone), wanted[3:4], rtol=1e-4, atol=1e-5)


@every_mode
def test_gradients_reach_text_entities_and_messages(name, batch):
    inputs, labels = batch
    model = _model(name, relevance=layers.NodeRelevance(8))

    weights = model.trainable_weights

    def gradients(inputs):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(inputs, labels, model(inputs, training=True))
        found = tape.gradient(loss, [w.value for w in weights])
        return [None if g is None else tf.convert_to_tensor(g) for g in found]

    relations = model.triples.relations.table.path
    for weight, gradient in zip(weights, gradients(inputs), strict=True):
        if weight.path == relations:  # of the triples' loss alone
            assert gradient is not None  # zero, that Keras does not warn
            assert not np.any(gradient)
            continue
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        # The keys' bias of a Transformer moves all logits alike.
        if "key/bias" not in weight.path:
            assert np.any(gradient != 0), weight.path
    nothing = {key: np.full_like(column, -1) for key, column in inputs["graph"].items()}
    empty = gradients({**inputs, "graph": nothing})
    for weight, gradient in zip(weights, empty, strict=True):
        if gradient is not None:
            assert np.isfinite(gradient).all(), weight.path


@every_mode
def test_empty_graphs_and_texts_about_nobody(name, batch):
    inputs, _ = batch
    model = _model(name, relevance=layers.NodeRelevance(8))
    nobody = np.full_like(inputs["entity_ids"], -1)
    nothing = {key: np.full_like(column, -1) for key, column in inputs["graph"].items()}
    bare = _output(model, inputs, entity_ids=nobody, graph=nothing)
    assert np.isfinite(bare).all()
    # Entities that are not in the graph are as nobody; nodes that are not there, as no nodes.
    np.testing.assert_allclose(_output(model, inputs, graph=nothing), bare, rtol=1e-4, atol=1e-5)
    narrow = {key: column[:, :1] for key, column in nothing.items()}
    np.testing.assert_allclose(_output(model, inputs, graph=narrow), bare, rtol=1e-4, atol=1e-5)
    if name == "linked":
        none = {key: column[:, :0] for key, column in nothing.items()}
        np.testing.assert_allclose(_output(model, inputs, graph=none), bare, rtol=1e-4, atol=1e-5)
    # Only some rows are empty.
    mixed = {key: column.copy() for key, column in inputs["graph"].items()}
    for column in mixed.values():
        column[::2] = -1
    found = _output(model, inputs, graph=mixed)
    np.testing.assert_allclose(found[::2], bare[::2], rtol=1e-4, atol=1e-5)
    full = _output(model, inputs)
    np.testing.assert_allclose(found[1::2], full[1::2], rtol=1e-4, atol=1e-5)
    wordless = {"padding_mask": np.zeros_like(inputs["padding_mask"])}
    assert np.isfinite(_output(model, inputs, **wordless)).all()


def test_only_the_first_mentions_are_joined(batch):
    inputs, _ = batch
    both, first = (
        _model("interaction", max_mentions=mentions, compiled=False) for mentions in (2, 1)
    )
    first.set_weights(both.get_weights())
    wanted = _output(first, inputs)
    assert np.abs(_output(both, inputs) - wanted).max() > 1e-4
    ids = inputs["entity_ids"].copy()
    ids[:, 3] = -1
    np.testing.assert_allclose(_output(both, inputs, entity_ids=ids), wanted, rtol=1e-4, atol=1e-5)


def test_a_round_of_interaction_is_its_parts(batch):
    """The whole model, put together by hand of its layers' calls."""
    inputs, _ = batch
    model = _model("interaction", relevance=layers.NodeRelevance(8))
    graphs, mask = inputs["graph"], inputs["padding_mask"]
    real = graphs["entity"] >= 0
    words = model.encoder({key: inputs[key] for key in ("token_ids", "padding_mask")})
    mean = np.stack([np.asarray(w)[m].mean(axis=0) for w, m in zip(words, mask, strict=True)])
    nodes = model.relevance(mean, model.triples.entities(graphs["entity"]), real)
    named = [
        [row.tolist().index(i) for i in dict.fromkeys(ids[ids >= 0].tolist())]
        for row, ids in zip(graphs["entity"], inputs["entity_ids"], strict=True)
    ]
    named = np.array([[*row, -1, -1][:2] for row in named], "int32")
    edges = {key: graphs[key] for key in ("source", "target", "relation")}
    nodes, edges = model.get_layer("text_node")(mean, nodes, edges, named)
    for text_layer, graph_layer in zip(model.text_layers, model.graph_layers, strict=True):
        words = text_layer(words, padding_mask=mask)
        words, nodes = model.fusion(words, graph_layer(nodes, edges))
    mean = np.stack([np.asarray(w)[m].mean(axis=0) for w, m in zip(words, mask, strict=True)])
    pooled = model.node_pooling(nodes[:, 1:], real)
    features = np.concatenate([mean, nodes[:, 0], pooled], axis=-1)
    np.testing.assert_allclose(_output(model, inputs), model.head(features), rtol=1e-3, atol=1e-4)


@every_mode
def test_same_after_saving(name, batch, tmp_path):
    inputs, _ = batch
    arguments = {"scorer": scorers.ComplEx(), "compiled": False}
    model = _model(name, relevance=layers.NodeRelevance(8), **arguments)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    np.testing.assert_array_equal(_output(again, inputs), _output(model, inputs))
    assert isinstance(again.scorer, scorers.ComplEx)


@pytest.mark.slow
def test_triples_are_learned_too(world):
    facts, inputs, labels = world
    model = _model("sum", kg_weight=0.5)
    batches = graph_texts.training_batches(facts, inputs, labels, facts)
    log = model.fit(batches, steps_per_epoch=8, epochs=2, shuffle=False, verbose=0).history
    np.testing.assert_allclose(
        log["loss"][0], log["task_loss"][0] + 0.5 * log["kg_loss"][0], rtol=1e-5
    )
    assert log["kg_loss"][1] < log["kg_loss"][0]


def test_other_layers_over_the_graph(batch):
    inputs, _ = batch
    wanted = graph_texts.RELATIONS + 2
    mixed = [
        graph.RelationalGraphConv(12, wanted, num_bases=2, activation="relu"),
        graph.GraphConv(8, self_loops=True),
    ]
    for made in (mixed, []):
        pooling = graph.NeighbourhoodPooling("max", 5)
        model = graph_texts.model(graph_layers=made, node_pooling=pooling)
        assert np.isfinite(_output(model, inputs)).all()


_SCRIPT = """
import json
from kgkeras import training
strategy = training.make_strategy(2)
import contextlib
from tests import graph_texts, toy

facts = toy.graph()
inputs, labels = toy.claims(facts, 128)
logs = []
for scope in (contextlib.nullcontext(), strategy.scope()):
    training.set_seed(3)
    with scope:
        model = graph_texts.model("MODE")
    log = model.fit(
        graph_texts.training_batches(facts, inputs, labels, facts),
        epochs=2, steps_per_epoch=4, shuffle=False, verbose=0,
        validation_data=graph_texts.batches(facts, inputs, labels),
    ).history
    log["weights"] = [float(abs(w).sum()) for w in model.get_weights()]
    logs.append(log)
print(json.dumps(logs))
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["linked", "interaction"])
def test_one_replica_equals_two(mode):
    one, two = last_json(_SCRIPT.replace("MODE", mode))
    assert {"loss", "task_loss", "kg_loss", "val_loss", "weights"} <= set(one)
    for name in one:
        # The bias of attention's keys has no gradient but rounding, which Adam makes steps of.
        np.testing.assert_allclose(two[name], one[name], rtol=1e-3, atol=1e-3, err_msg=name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "both"}, "`mode` must be one of 'attention', 'linked', 'interaction'"),
        ({"fusion": layers.InteractionFusion()}, r"`fusion` must be a layers\.Fusion with mode='l"),
        (
            {"mode": "interaction", "fusion": layers.SumFusion()},
            r"must be a layers\.InteractionFusion with mode='interaction'. Received",
        ),
        (
            {"mode": "attention", "fusion": layers.SumFusion()},
            "`fusion` must choose among candidates with mode='attention'",
        ),
        ({"graph_layers": [graph.CompGraphConv(16)]}, "`graph_layers` must be MessagePassing"),
        ({"graph_layers": [keras.layers.Dense(16)]}, "`graph_layers` must be MessagePassing"),
        (
            {"graph_layers": [graph.RelationalGraphConv(16, 6)]},
            "num_relations=8, two of them for the text's node. Received: .* with num_relations=6",
        ),
        (
            {"text_layers": [text.transformer_layer(16, 2)]},
            "`text_layers` must be 0 with mode='linked' and 2 graph layers. Received: 1",
        ),
        (
            {"mode": "interaction", "text_layers": []},
            "`text_layers` must be 2 with mode='interaction' and 2 graph layers. Received: 0",
        ),
        ({"max_mentions": 0}, "`max_mentions` must be a positive integer"),
        ({"kg_weight": -1}, "`kg_weight` must be finite and at least 0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        graph_texts.model(compiled=False, **arguments)


def test_tables_behind_an_encoder():
    facts = toy.graph()
    encoder = graph.GraphEncoder.from_graph(facts, [])
    tables = layers.TripleEmbedding.from_sizes(facts.num_entities, 3, 16)
    encoded = layers.TripleEmbedding(tables.entities, tables.relations, encoder)
    with pytest.raises(ValueError, match="`triples` must have no encoder"):
        models.GraphTextModel(
            toy.encoder(), layers.ClassificationHead(2), encoded, [], num_relations=6
        )
