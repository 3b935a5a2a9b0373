"""Experts that all tasks share, weighed by a gate of each task."""

import keras
from keras import ops

from kgkeras.checks import non_negative, positive_int
from kgkeras.layers.sharing.task_sharing import TaskSharing, output_dim
from kgkeras.layers.sharing.text_gate import TextGate
from kgkeras.ops.joined_rows import split_rows
from kgkeras.ops.routing import load_balance, mixed_experts, top_gates
from kgkeras.registration import serializable


@serializable
class ExpertSharing(TaskSharing):
    """A trunk, and behind it experts that each task weighs by a gate of its own (MMoE).

    `f_k(x) = sum_i g_k(x)_i E_i(trunk(x))` with `g_k(x) = softmax(W_k mean(trunk(x)))`. With
    `top_k`, only so many experts read a text, those with the largest gates, which are scaled to sum
    to 1 if there are several, and the layer adds `balance * n sum_i f_i P_i` to the loss, which is
    least where all are used alike: `f_i` is the share of texts that go to expert `i` first, `P_i`
    the mean of its probabilities.

    Args:
        trunk: As of `HardSharing`; in the paper, where experts read the input itself, an embedding.
        experts: List of layers from words `(batch, words, dim)` to words.
        tasks: Names of the tasks.
        top_k: How many experts read a text; all where None.
        balance: At least 0.

    Raises:
        ValueError: If an argument is out of range.

    References: Ma et al., Multi-gate Mixture-of-Experts, KDD 2018; Fedus et al., Switch
    Transformers, JMLR 2022.
    """

    def __init__(self, trunk, experts, tasks, top_k=None, balance=1e-2, **kwargs):
        super().__init__(**kwargs)
        self.trunk, self.experts = trunk, list(experts)
        count = positive_int("the number of experts", len(self.experts))
        self.top_k = count if top_k is None else positive_int("top_k", top_k)
        if self.top_k > count:
            raise ValueError(f"`top_k` must be at most {count}. Received: {top_k}.")
        self.balance = non_negative("balance", balance)
        self.gates = {task: TextGate(count, name=f"gate_{task}") for task in tasks}
        self.dim = output_dim(trunk)

    def build(self, inputs_shape):
        if not self.trunk.built:
            self.trunk.build(next(iter(inputs_shape.values())))
        shape = (None, None, self.dim)
        for layer in (*self.experts, *self.gates.values()):
            if not layer.built:
                layer.build(*((shape, shape[:2]) if isinstance(layer, TextGate) else (shape,)))
        self.dim = self.experts[0].compute_output_shape(shape)[-1]

    def read(self, texts, names, masks, training=None):
        words = self.trunk(texts, training=training)
        probabilities = self._probabilities(words, names, masks)
        gates = top_gates(probabilities, self.top_k)
        routed = self.top_k < len(self.experts)
        if training and routed and self.balance:
            self.add_loss(self.balance * load_balance(probabilities, gates))
        return split_rows(mixed_experts(self.experts, words, gates, sparse=routed), masks)

    def gates_of(self, inputs):
        """How much each expert says about each text: dict from task to `(batch, experts)`."""
        return {
            name: top_gates(self.gates[name](self.trunk(texts), texts["padding_mask"]), self.top_k)
            for name, texts in inputs.items()
        }

    def _probabilities(self, words, names, masks):
        parts = zip(names, split_rows(words, masks), masks, strict=True)
        return ops.concatenate([self.gates[name](part, mask) for name, part, mask in parts])

    def with_task(self, name, part=None):
        super().with_task(name, part)
        return self._of({**self.gates, name: TextGate(len(self.experts), name=f"gate_{name}")})

    def without_task(self, name):
        return self._of({task: gate for task, gate in self.gates.items() if task != name})

    def _of(self, gates):
        layer = ExpertSharing(
            self.trunk, self.experts, (), self.top_k, self.balance, name=self.name
        )
        layer.gates = gates
        return layer

    def get_config(self):
        return {
            **super().get_config(),
            "trunk": keras.saving.serialize_keras_object(self.trunk),
            "experts": [keras.saving.serialize_keras_object(layer) for layer in self.experts],
            "tasks": list(self.gates),
            "top_k": self.top_k,
            "balance": self.balance,
        }

    @classmethod
    def from_config(cls, config):
        trunk = keras.saving.deserialize_keras_object(config["trunk"])
        experts = [keras.saving.deserialize_keras_object(layer) for layer in config["experts"]]
        return cls(**{**config, "trunk": trunk, "experts": experts})
