"""Each way of weighing tasks against NumPy, on two tasks whose best weights are known."""

import keras
import numpy as np
import pytest
from keras import ops

from kgkeras import layers
from kgkeras.ops.task_gradients import inner_products, weighed_sum

TASKS = ("first", "second", "third")
PRESENT = np.ones(3, "float32")


def made(weighing, tasks=TASKS):
    weighing.build_tasks(tasks)
    return weighing


def test_fixed_weights_and_schedules():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 4, end_learning_rate=0.0)
    weighing = made(layers.FixedWeights({"first": 0.5, "second": schedule}))
    losses = np.array([1.0, 2.0, 4.0], "float32")
    for step in range(4):
        total = weighing(losses, PRESENT, training=True)
        assert float(total) == pytest.approx(0.5 + 2 * (1 - step / 4) + 4)
    # Validation takes no step.
    assert float(weighing(losses, PRESENT)) == float(weighing(losses, PRESENT)) == 4.5
    copy = made(layers.FixedWeights.from_config(weighing.get_config()))
    assert float(copy(losses, PRESENT)) == pytest.approx(6.5)


def test_weights_of_tasks_that_are_not_there():
    with pytest.raises(ValueError, match="must be of the tasks"):
        made(layers.FixedWeights({"fourth": 1.0}))
    with pytest.raises(ValueError, match=r"`values\['first'\]` must be finite and at least 0"):
        layers.FixedWeights({"first": -1.0})


def test_absent_tasks_cost_nothing():
    present = np.array([1.0, 0.0, 1.0], "float32")
    losses = np.array([1.0, 0.0, 4.0], "float32")
    uncertain = made(layers.UncertaintyWeights())
    uncertain.log_variances.assign([0.0, 5.0, 1.0])
    assert float(uncertain(losses, present)) == pytest.approx(1 + 4 * np.exp(-1) + 0.5)


def test_uncertainty_finds_its_optimum():
    """Losses that do not change: the least of `exp(-s) L + s / 2` is at `exp(-s) = 1 / (2 L)`."""
    import tensorflow as tf

    weighing = made(layers.UncertaintyWeights())
    losses = tf.constant([0.1, 1.0, 7.0])
    optimizer = keras.optimizers.SGD(0.2)
    for _ in range(400):
        with tf.GradientTape() as tape:
            total = weighing(losses, PRESENT, training=True)
        gradients = tape.gradient(total, weighing.trainable_variables)
        optimizer.apply(gradients, weighing.trainable_variables)
    wanted = 1 / (2 * losses.numpy())
    np.testing.assert_allclose(weighing.weights_now.numpy(), wanted, rtol=1e-3)
    np.testing.assert_allclose(float(total), np.sum(0.5 - np.log(wanted) / 2), rtol=1e-4)


def averaged(history, period, temperature):
    """The weights of each step, by the definition."""
    history = np.array(history)
    weights = []
    for step in range(len(history)):
        begun = step // period
        if begun < 2:
            # The first period has no last one, the second none before that.
            weights.append(np.ones(history.shape[1]))
            continue
        last = history[(begun - 1) * period : begun * period].mean(axis=0)
        before = history[(begun - 2) * period : (begun - 1) * period].mean(axis=0)
        exponentials = np.exp(last / before / temperature)
        weights.append(history.shape[1] * exponentials / exponentials.sum())
    return np.array(weights)


def test_dynamic_weight_average():
    rng = np.random.default_rng(0)
    history = rng.uniform(0.5, 2.0, (13, 3)).astype("float32")
    weighing, seen = made(layers.DynamicWeightAverage(4, temperature=1.5)), []
    for losses in history:
        weighing(losses, PRESENT, training=True)
        seen.append(weighing.weights_now.numpy())
        weighing(rng.uniform(size=3).astype("float32"), PRESENT)  # validation is not learned from
    np.testing.assert_allclose(seen, averaged(history, 4, 1.5), rtol=1e-5)


def test_grad_norm_step_by_step():
    rng = np.random.default_rng(1)
    weighing = made(layers.GradNorm(alpha=1.5, learning_rate=0.05))
    weights, first = np.ones(3), None
    for _ in range(6):
        losses, gradients = rng.uniform(0.5, 2, 3), rng.normal(size=(3, 5)) * [[1], [4], [0.3]]
        used = weighing.gradient_weights(
            losses.astype("float32"),
            PRESENT,
            {"shared": (gradients @ gradients.T).astype("float32")},
        )
        np.testing.assert_allclose(used, weights, rtol=1e-4)
        first = losses if first is None else first
        norms = np.linalg.norm(gradients, axis=1)
        norms = norms / norms.mean()
        pace = losses / first / np.mean(losses / first)
        target = np.mean(weights * norms) * pace**1.5
        weights = weights - 0.05 * np.sign(weights * norms - target) * norms
        weights = weights * 3 / weights.sum()
    assert float(ops.sum(weighing.weights_now)) == pytest.approx(3.0, rel=1e-5)


def test_grad_norm_brings_gradients_to_one_size():
    weighing = made(layers.GradNorm(alpha=0.0, learning_rate=0.01), ("first", "second"))
    products = {"shared": np.diag([1.0, 9.0]).astype("float32")}
    for _ in range(400):
        weighing.gradient_weights(np.ones(2, "float32"), np.ones(2, "float32"), products)
    np.testing.assert_allclose(weighing.weights_now.numpy(), [1.5, 0.5], atol=0.03)


def surgery(gradients, orders):
    """Algorithm 1 of the paper, on vectors."""
    projected = []
    for task, order in enumerate(orders):
        gradient = gradients[task].copy()
        for other in order:
            along = gradient @ gradients[other]
            if other != task and along < 0:
                gradient -= along / (gradients[other] @ gradients[other]) * gradients[other]
        projected.append(gradient)
    return np.array(projected)


def test_pcgrad_removes_the_conflict():
    gradients = np.array([[1.0, 0.0], [-1.0, 1.0]])
    weighing = made(layers.PCGrad(), ("first", "second"))
    products = {"all": (gradients @ gradients.T).astype("float32")}
    weights = weighing.gradient_weights(None, None, products).numpy()
    merged = weights @ gradients
    np.testing.assert_allclose(merged, surgery(gradients, [[1], [0]]).sum(axis=0), atol=1e-6)
    # What is learned from harms neither task; the plain sum leaves the first where it was.
    assert (gradients @ merged > 0).all()
    assert gradients[0] @ gradients.sum(axis=0) == 0


def test_pcgrad_is_the_algorithm_for_some_order():
    rng = np.random.default_rng(2)
    import itertools

    for seed in range(5):
        gradients = rng.normal(size=(3, 4))
        weighing = made(layers.PCGrad(seed=seed))
        products = {"all": (gradients @ gradients.T).astype("float32")}
        merged = weighing.gradient_weights(None, None, products).numpy() @ gradients
        orders = itertools.product(itertools.permutations(range(3)), repeat=3)
        distances = [np.abs(surgery(gradients, o).sum(axis=0) - merged).max() for o in orders]
        assert min(distances) < 1e-5


def test_pcgrad_leaves_what_agrees():
    weighing = made(layers.PCGrad())
    products = {"all": np.ones((3, 3), "float32")}
    np.testing.assert_array_equal(weighing.gradient_weights(None, None, products), np.ones(3))


def test_inner_products_and_sums_of_rows():
    import tensorflow as tf

    rng = np.random.default_rng(3)
    rows = [
        tf.IndexedSlices(rng.normal(size=(n, 2)).astype("float32"), rng.integers(0, 6, n), (6, 2))
        for n in (4, 7)
    ]
    dense = [tf.constant(rng.normal(size=(3,)).astype("float32")) for _ in range(2)]
    alone = tf.constant([2.0])
    gradients = [[rows[0], dense[0], None], [rows[1], dense[1], alone]]
    flat = [
        np.concatenate([np.ravel(tf.convert_to_tensor(g)) for g in task[:2]]) for task in gradients
    ]
    shared = np.array([[a @ b for b in flat] for a in flat])
    products = inner_products(gradients)
    np.testing.assert_allclose(products["shared"], shared, rtol=1e-5)
    np.testing.assert_allclose(products["all"], shared + np.diag([0.0, 4.0]), rtol=1e-5)
    summed = weighed_sum(gradients, tf.constant([2.0, -1.0]))
    assert isinstance(summed[0], tf.IndexedSlices)
    for place in range(2):
        wanted = 2 * tf.convert_to_tensor(gradients[0][place]) - gradients[1][place]
        np.testing.assert_allclose(tf.convert_to_tensor(summed[place]), wanted, rtol=1e-5)
    np.testing.assert_allclose(summed[2], [-2.0])


def test_bad_settings():
    with pytest.raises(ValueError, match="`temperature` must be above 0"):
        layers.DynamicWeightAverage(4, temperature=0)
    with pytest.raises(ValueError, match="`period` must be a positive integer"):
        layers.DynamicWeightAverage(0)
    with pytest.raises(ValueError, match="`alpha` must be finite and at least 0"):
        layers.GradNorm(alpha=-1)
