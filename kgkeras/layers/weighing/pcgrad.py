"""Gradients that do not undo one another."""

import keras
from keras import ops

from kgkeras.layers.weighing.task_weighing import TaskWeighing
from kgkeras.registration import serializable


@serializable
class PCGrad(TaskWeighing):
    """Projects each task's gradient onto the normal planes of those that it conflicts with.

    For each task `i`, and each other task `j` in random order: where `g_i . g_j < 0`, `g_i` becomes
    `g_i - (g_i . g_j / |g_j|^2) g_j`; the sum of the results is learned from. Where a task does not
    use a variable, its gradient there is 0. Each `g_i` is a sum of the first ones all the while, so
    only its coefficients are computed, from the inner products: the tables' gradients stay sparse.

    Args:
        seed: Seed of the order.

    Reference: Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, algorithm 1.
    """

    uses_gradients = True

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.order = keras.random.SeedGenerator(seed)

    def gradient_weights(self, losses, present, products):
        products = products["all"]
        count = len(self.tasks)
        # Rows: one an i; columns: the coefficients of the first gradients.
        coefficients = ops.eye(count)
        ranks = keras.random.uniform((count, count), seed=self.order)
        orders = ops.argsort(ranks, axis=-1)
        for turn in range(count):
            others = ops.one_hot(orders[:, turn], count)  # row i: the task that i meets now
            along = ops.sum(ops.matmul(coefficients, products) * others, axis=-1)
            squares = ops.sum(ops.diagonal(products) * others, axis=-1)
            itself = ops.diagonal(others) > 0
            conflict = ops.logical_and(along < 0, ops.logical_not(itself))
            share = ops.where(conflict, along / ops.where(squares > 0, squares, 1.0), 0.0)
            coefficients = coefficients - share[:, None] * others
        weights = ops.sum(coefficients, axis=0)
        self.weights_now.assign(weights)
        return weights

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
