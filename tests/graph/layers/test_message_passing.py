"""Message passing against its formulas, and the laws that hold for every layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kgkeras.graph import layers
from tests.graph.layers import cases
from tests.graph.layers.cases import CASES, DIM, RELATIONS, UNITS

every_layer = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
KINDS = {name: CASES[name] for name in ("conv", "rgcn bases", "comp sub", "attention heads")}
every_kind = pytest.mark.parametrize("case", KINDS.values(), ids=KINDS)
TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@every_layer
def test_formula(case, rng):
    nodes, edges = cases.graph(rng, 8, 30)
    vectors = cases.relations(rng)
    layer = case.make()
    found = case.call(layer, nodes, edges, vectors)
    layer.bias.assign(rng.normal(size=layer.units))
    found = case.call(layer, nodes, edges, vectors)
    assert found.shape == (8, layer.units)
    assert len(layer.trainable_weights) == case.num_weights
    np.testing.assert_allclose(found, case.formula(layer, nodes, edges, vectors), **TOLERANCE)
    graph_mode = tf.function(lambda n, e, v: case.call(layer, n, e, v))
    np.testing.assert_allclose(graph_mode(nodes, edges, vectors), found, **TOLERANCE)


@every_layer
def test_padded_batches(case, rng):
    graphs = [cases.graph(rng, *sizes) for sizes in ((5, 12), (7, 3), (1, 0), (2, 1))]
    vectors = cases.relations(rng)
    layer = case.make()
    nodes, edges = cases.padded(graphs, 9, 14, rng)
    found = np.asarray(case.call(layer, nodes, edges, vectors))
    assert found.shape == (4, 9, layer.units)
    for row, (states, flat) in enumerate(graphs):
        wanted = case.formula(layer, states, flat, vectors)
        np.testing.assert_allclose(found[row, : len(states)], wanted, **TOLERANCE)
        np.testing.assert_allclose(case.call(layer, states, flat, vectors), wanted, **TOLERANCE)
    # States of padding nodes, however wild, reach nobody; neither do padding edges' other ends.
    wild = nodes.copy()
    for row, (states, _) in enumerate(graphs):
        wild[row, len(states) :] = np.nan
    padding = edges["source"] < 0
    other = {name: np.where(padding, -7, ids).astype("int32") for name, ids in edges.items()}
    again = np.asarray(case.call(layer, wild, other, vectors))
    for row, (states, _) in enumerate(graphs):
        np.testing.assert_array_equal(again[row, : len(states)], found[row, : len(states)])


@every_kind
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), num_nodes=st.integers(1, 9), num_edges=st.integers(0, 25))
def test_numbering_and_order_do_not_matter(case, seed, num_nodes, num_edges):
    rng = np.random.default_rng(seed)
    nodes, edges = cases.graph(rng, num_nodes, num_edges)
    vectors = cases.relations(rng)
    layer = case.make(residual=True, units=DIM, layer_norm=True, activation="tanh")
    found = np.asarray(case.call(layer, nodes, edges, vectors))
    new_id, order = rng.permutation(num_nodes), rng.permutation(num_edges)
    moved = np.zeros_like(nodes)
    moved[new_id] = nodes
    renamed = {
        "source": new_id[edges["source"]][order].astype("int32"),
        "target": new_id[edges["target"]][order].astype("int32"),
        "relation": edges["relation"][order],
    }
    again = np.asarray(case.call(layer, moved, renamed, vectors))
    np.testing.assert_allclose(again[new_id], found, rtol=1e-3, atol=1e-4)


@every_layer
def test_groups_of_many_edges(case, rng):
    """More edges than a block of groups holds, sorted or not."""
    nodes, edges = cases.graph(rng, 90, 700)
    edges["relation"] = np.where(edges["relation"] == 3, 1, edges["relation"])
    vectors = cases.relations(rng)
    layer = case.make()
    found = case.call(layer, nodes, edges, vectors)
    np.testing.assert_allclose(found, case.formula(layer, nodes, edges, vectors), **TOLERANCE)
    order = np.lexsort((edges["target"], edges["relation"]))
    in_order = {name: ids[order] for name, ids in edges.items()}
    np.testing.assert_allclose(case.call(layer, nodes, in_order, vectors), found, **TOLERANCE)


@every_layer
def test_gradients_are_those_of_the_formula(case, rng):
    nodes, edges = cases.graph(rng, 5, 12)
    vectors = cases.relations(rng)
    layer = case.make()
    case.call(layer, nodes, edges, vectors)
    towards = rng.normal(size=(5, layer.units)).astype("float32")
    variables = [tf.Variable(nodes), tf.Variable(vectors)]
    variables += [weight.value for weight in layer.trainable_weights]

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            found = case.call(layer, *map(tf.convert_to_tensor, variables[:1]), edges, variables[1])
            loss = tf.reduce_sum(found * towards)
        return tape.gradient(loss, variables)

    found = gradients()
    assert not any(isinstance(gradient, tf.IndexedSlices) for gradient in found[2:])
    step = 1e-2
    for variable, gradient in zip(variables, found, strict=True):
        if gradient is None:
            assert variable.shape == (RELATIONS, DIM) or "relation_kernel" in variable.name
            continue
        direction = rng.normal(size=variable.shape).astype("float32")
        values = []
        for sign in (1, -1):
            variable.assign_add(sign * step * direction)
            states, relations = variables[0].numpy(), variables[1].numpy()
            values.append(np.sum(case.formula(layer, states, edges, relations) * towards))
            variable.assign_add(-sign * step * direction)
        slope = np.sum(np.asarray(tf.convert_to_tensor(gradient)) * direction)
        np.testing.assert_allclose(
            slope, (values[0] - values[1]) / (2 * step), rtol=2e-2, atol=2e-2
        )


@every_layer
@pytest.mark.parametrize(("num_nodes", "num_edges"), [(3, 0), (0, 0)])
def test_graphs_without_edges_or_nodes(case, num_nodes, num_edges, rng):
    nodes, edges = cases.graph(rng, num_nodes, num_edges)
    vectors = cases.relations(rng)
    layer = case.make(layer_norm=True)
    for shaped in (lambda array: array, lambda array: np.stack([array, array])):
        batch = {name: shaped(ids) for name, ids in edges.items()}
        with tf.GradientTape() as tape:
            found = case.call(layer, shaped(nodes), batch, vectors)
            loss = tf.reduce_sum(tf.square(found))
        assert found.shape == (*shaped(nodes).shape[:-1], layer.units)
        gradients = tape.gradient(loss, [weight.value for weight in layer.trainable_weights])
        for array in (found, *(gradient for gradient in gradients if gradient is not None)):
            assert np.isfinite(tf.convert_to_tensor(array)).all()
    empty = {name: np.full((2, 3), -1, "int32") for name in edges}
    found = case.call(layer, np.ones((2, 2, DIM), "float32"), empty, vectors)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[0], found[1])


@every_layer
def test_gradients_are_finite_with_isolated_nodes_and_padding(case, rng):
    nodes, edges = cases.padded([cases.graph(rng, 4, 5), cases.graph(rng, 2, 0)], 6, 8, rng)
    vectors = cases.relations(rng)
    layer = case.make()
    states = tf.constant(nodes)
    with tf.GradientTape() as tape:
        tape.watch(states)
        found = case.call(layer, states, edges, vectors)
        loss = tf.reduce_sum(found[0, :4]) + tf.reduce_sum(found[1, :2])
    weights = [weight.value for weight in layer.trainable_weights]
    for_states, *for_weights = tape.gradient(loss, [states, *weights])
    assert np.isfinite(for_states).all()
    np.testing.assert_array_equal(for_states[0, 4:], np.zeros((2, DIM)))
    for gradient in for_weights:
        assert gradient is None or np.isfinite(tf.convert_to_tensor(gradient)).all()


def test_attention_is_returned(rng):
    case = CASES["attention heads"]
    graphs = [cases.graph(rng, 4, 9), cases.graph(rng, 3, 2)]
    layer = case.make()
    nodes, edges = cases.padded(graphs, 5, 11, rng)
    states, attention = layer(nodes, edges, return_attention=True)
    np.testing.assert_array_equal(states, layer(nodes, edges))
    assert attention.shape == (2, 11, 2)
    real = edges["source"] >= 0
    np.testing.assert_array_equal(attention[~real], np.zeros((11, 2)))
    for row, (flat_nodes, flat_edges) in enumerate(graphs):
        in_place = {name: ids[row][real[row]] for name, ids in edges.items()}
        wanted, _ = cases.attention_weights(layer, flat_nodes, in_place)
        np.testing.assert_allclose(attention[row][real[row]], wanted, **TOLERANCE)
        alone = layer(flat_nodes, flat_edges, return_attention=True)[1]
        assert alone.shape == (len(flat_edges["source"]), 2)


def test_relations_are_updated(rng):
    nodes, edges = cases.graph(rng, 4, 5)
    vectors = cases.relations(rng)
    layer = layers.CompGraphConv(UNITS)
    updated = layer(nodes, edges, vectors)[1]
    wanted = vectors @ cases.weights_of(layer)["relation_kernel"]
    np.testing.assert_allclose(updated, wanted, **TOLERANCE)
    layer = layers.CompGraphConv(DIM, residual=True)
    updated = layer(nodes, edges, vectors)[1]
    wanted = vectors + vectors @ cases.weights_of(layer)["relation_kernel"]
    np.testing.assert_allclose(updated, wanted, **TOLERANCE)


@pytest.mark.parametrize("composition", ["sub", "mult", "corr"])
def test_begins_by_passing_on_what_it_gets_and_learns(composition, rng):
    nodes, edges = cases.graph(rng, 6, 12)
    inputs = tf.constant(nodes), edges, tf.constant(cases.relations(rng))
    layer = layers.CompGraphConv(DIM, composition, residual=True, kernel_initializer="zeros")
    for found, before in zip(layer(*inputs), inputs[::2], strict=True):
        np.testing.assert_array_equal(found, before)
    with tf.GradientTape() as tape:
        new_nodes, new_relations = layer(*inputs)
        loss = tf.reduce_sum(new_nodes**2) + tf.reduce_sum(new_relations**2)
    kernels = {name: w.value for w in layer.trainable_weights if "kernel" in (name := w.name)}
    gradients = tape.gradient(loss, kernels)
    assert len(kernels) == 4
    assert all(np.abs(gradient).max() > 0 for gradient in gradients.values())


def test_options_of_all_layers(rng):
    nodes, edges = cases.graph(rng, 6, 10)
    layer = layers.GraphConv(DIM, residual=True, layer_norm=True, activation="tanh", dropout=0.5)
    found = layer(nodes, edges)
    messages = cases.graph_conv(layer, nodes, edges, None)
    spread = np.sqrt(messages.var(axis=-1, keepdims=True) + 1e-3)
    normed = (messages - messages.mean(axis=-1, keepdims=True)) / spread
    np.testing.assert_allclose(found, nodes + np.tanh(normed), **TOLERANCE)
    update = np.asarray(layer(nodes, edges, training=True)) - nodes
    dropped = update == 0
    assert 0.2 < dropped.mean() < 0.8
    np.testing.assert_allclose(update[~dropped], 2 * np.tanh(normed)[~dropped], rtol=1e-3)
    assert layers.GraphConv(3, use_bias=False)(nodes, edges).shape == (6, 3)


@every_layer
def test_configuration_round_trip(case, rng):
    nodes, edges = cases.graph(rng, 6, 10)
    vectors = cases.relations(rng)
    layer = case.make(activation="relu", dropout=0.25, layer_norm=True)
    found = case.call(layer, nodes, edges, vectors)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    case.call(again, nodes, edges, vectors)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(case.call(again, nodes, edges, vectors), found)
    assert layer.supports_jit == (not isinstance(layer, _GROUPING))


_GROUPING = (layers.RelationalGraphConv, layers.CompGraphConv)


@pytest.mark.parametrize("name", ["conv", "attention heads"])
def test_xla(name, rng):
    case = CASES[name]
    nodes, edges = cases.padded([cases.graph(rng, 4, 5), cases.graph(rng, 2, 0)], 6, 8, rng)
    layer = case.make()
    eager = layer(nodes, edges)
    compiled = tf.function(layer.__call__, jit_compile=True)
    tensors = {name: tf.constant(ids) for name, ids in edges.items()}
    np.testing.assert_allclose(compiled(tf.constant(nodes), tensors), eager, **TOLERANCE)


@every_kind
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(case, policy, rng):
    nodes, edges = cases.graph(rng, 6, 20)
    vectors = cases.relations(rng)
    layer = case.make(dtype=policy)
    found = case.call(layer, nodes, edges, vectors)
    half = policy.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(found.dtype) == half
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    wanted = case.formula(layer, nodes, edges, vectors)
    np.testing.assert_allclose(tf.cast(found, "float32"), wanted, rtol=0.05, atol=0.1)


def test_half_precision_sums_do_not_stall():
    """1 + ... + 1 in bfloat16 ends at 256."""
    edges = {"source": np.zeros(1000, "int32"), "target": np.ones(1000, "int32")}
    edges["relation"] = np.zeros(1000, "int32")
    nodes = np.ones((2, 1), "float32")
    options = {"kernel_initializer": "ones", "dtype": "mixed_bfloat16"}
    conv = layers.GraphConv(1, normalization=None, self_loops=False, **options)
    comp = layers.CompGraphConv(1, "mult", normalization=None, **options)
    ones = np.ones((2, 1), "float32")
    assert float(conv(nodes, edges)[1, 0]) == pytest.approx(1000, rel=0.01)
    assert float(comp(nodes, edges, ones)[0][1, 0]) == pytest.approx(1001, rel=0.01)


@every_kind
def test_bad_edges(case, rng):
    nodes, edges = cases.graph(rng, 4, 5)
    vectors = cases.relations(rng)
    layer = case.make()
    batch = (np.stack([nodes, nodes]), {name: np.stack([ids] * 2) for name, ids in edges.items()})
    with pytest.raises(ValueError, match=r"`target` of an edge must be one of the 4 nodes"):
        case.call(layer, nodes, {**edges, "target": edges["target"] * 0 + 4}, vectors)
    far = batch[1]["source"].copy()
    far[0, 2] = 5  # would be a node of the second graph
    with pytest.raises(ValueError, match=r"`source` of an edge must .* 5 at position \(0, 2\)"):
        case.call(layer, batch[0], {**batch[1], "source": far}, vectors)
    with pytest.raises(ValueError, match=r"`target` of an edge must .* -1 at position \(0,\)"):
        case.call(layer, nodes, {**edges, "target": edges["target"] * 0 - 1}, vectors)
    in_graph = tf.function(lambda n, e: case.call(layer, n, e, vectors))
    for end in ("source", "target"):
        with pytest.raises(tf.errors.InvalidArgumentError):
            in_graph(batch[0], {**batch[1], end: far})
    with pytest.raises(ValueError, match="`source` must hold integers"):
        case.call(layer, nodes, {**edges, "source": edges["source"] * 1.0}, vectors)
    with pytest.raises(ValueError, match="needs edges `\\(edges,\\)` with nodes"):
        case.call(layer, batch[0], edges, vectors)
    with pytest.raises(ValueError, match="needs the edges' source, target"):
        case.call(layer, nodes, {"source": edges["source"]}, vectors)
    with pytest.raises(ValueError, match="needs nodes `\\(nodes, dim\\)`"):
        case.call(case.make(), nodes[0], edges, vectors)
    with pytest.raises(ValueError, match="`residual` needs `units`"):
        case.call(case.make(residual=True), nodes, edges, vectors)


@pytest.mark.parametrize("name", ["rgcn bases", "comp sub", "attention heads"])
def test_bad_relations(name, rng):
    case = CASES[name]
    nodes, edges = cases.graph(rng, 4, 5)
    wrong = {**edges, "relation": edges["relation"] * 0 + RELATIONS}
    layer = case.make()
    vectors = cases.relations(rng)
    with pytest.raises(ValueError, match=rf"relation` .*must be .*{RELATIONS}"):
        case.call(layer, nodes, wrong, vectors)
    case.call(layer, nodes, edges, vectors)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.function(lambda n, e: case.call(layer, n, e, vectors))(nodes, wrong)
    wrong = {**edges, "relation": edges["relation"] * 0 - 1}
    with pytest.raises(ValueError, match=r"`relation` of an edge must be one of .* -1 at edge 0"):
        case.call(layer, nodes, wrong, vectors)
    without = {end: edges[end] for end in ("source", "target")}
    with pytest.raises(ValueError, match="needs the edges' source, target, relation"):
        case.call(layer, nodes, without, vectors)
    layers.GraphConv(2)(nodes, without)


def test_bad_arguments(rng):
    nodes, edges = cases.graph(rng, 4, 5)
    with pytest.raises(ValueError, match="`units` must be a positive integer"):
        layers.GraphConv(0)
    with pytest.raises(ValueError, match="`normalization` must be one of"):
        layers.GraphConv(2, normalization="column")
    with pytest.raises(ValueError, match="`composition` must be one of"):
        layers.CompGraphConv(2, "add")
    with pytest.raises(ValueError, match="Only one of `num_bases` and `num_blocks`"):
        layers.RelationalGraphConv(4, 3, num_bases=2, num_blocks=2)
    with pytest.raises(ValueError, match="`num_blocks` must divide `units`"):
        layers.RelationalGraphConv(4, 3, num_blocks=3)
    with pytest.raises(ValueError, match="`num_blocks` must divide the length of the states"):
        layers.RelationalGraphConv(4, 3, num_blocks=4)(nodes, edges)
    with pytest.raises(ValueError, match="`num_heads` must divide `units`"):
        layers.RelationalGraphAttention(4, 3, 2)
    for shape in ((3, DIM), (4, DIM + 1), (2, 2, DIM)):
        with pytest.raises(ValueError, match="CompGraphConv needs relations"):
            layers.CompGraphConv(4)(nodes, edges, np.zeros(shape, "float32"))


@pytest.mark.parametrize("number", [1, 10, 300])
@pytest.mark.parametrize("kind", ["free", "num_bases", "num_blocks"])
def test_matrices_begin_as_wide_as_one_alone(number, kind):
    """Keras' own range of a stack of matrices gets smaller the more there are."""
    options = {} if kind == "free" else {kind: 2}
    layer = layers.RelationalGraphConv(32, number, **options, kernel_initializer="he_normal")
    layer.build((None, 32))
    stack = (layer.bases if kind == "num_bases" else layer.kernels).numpy()
    assert stack.std() == pytest.approx((2 / stack.shape[-2]) ** 0.5, rel=0.15)


@every_layer
def test_no_two_matrices_begin_alike(case, rng):
    nodes, edges = cases.graph(rng, 4, 5)
    for initializer in ("glorot_uniform", keras.initializers.RandomNormal(seed=3)):
        layer = case.make(kernel_initializer=initializer)
        case.call(layer, nodes, edges, cases.relations(rng))
        first = [w.numpy().flat[0] for w in layer.weights if "kernel" in w.name]
        assert len(set(first)) == len(first) >= 1


@pytest.mark.parametrize("name", ["row", "symmetric", "rgcn", "comp"])
def test_means_of_many_neighbours_in_half_precision(name):
    """Their sum, 80 000, is no number there."""
    size = 10_001
    edges = {"source": np.arange(1, size, dtype="int32")}
    edges |= {end: np.zeros(size - 1, "int32") for end in ("target", "relation")}
    options = {"kernel_initializer": "ones", "dtype": "mixed_float16", "use_bias": False}
    nodes = np.full((size, 1), 8.0, "float32")
    if name == "rgcn":
        found = layers.RelationalGraphConv(1, 1, **options)(nodes, edges)[0, 0] - 8
    elif name == "comp":
        layer = layers.CompGraphConv(1, "mult", normalization="row", **options)
        layer.build(nodes.shape)
        layer.loop_relation.assign([[0.0]])
        found = layer(nodes, edges, np.ones((2, 1), "float32"))[0][0, 0]
    else:
        found = layers.GraphConv(1, normalization=name, **options)(nodes, edges)[0, 0]
    wanted = 80_000 / (2 * 10_001) ** 0.5 if name == "symmetric" else 8
    assert float(found) == pytest.approx(wanted, rel=0.02)


@every_kind
def test_edges_of_unequal_number(case, rng):
    nodes, edges = cases.graph(rng, 4, 5)
    vectors = cases.relations(rng)
    with pytest.raises(ValueError, match="as many of each of source, target"):
        case.call(case.make(), nodes, {**edges, "target": edges["target"][:1]}, vectors)
    row = {name: ids[None] for name, ids in edges.items()}
    with pytest.raises(ValueError, match="for each of the graphs"):
        case.call(case.make(), np.stack([nodes, nodes]), row, vectors)
