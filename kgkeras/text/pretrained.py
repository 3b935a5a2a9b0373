"""Pretrained language models of the BERT family as encoders."""

import json
import os
import pathlib

import keras
import keras_hub
from keras import ops

from kgkeras.checks import positive_int
from kgkeras.registration import serializable
from kgkeras.text.flat_projections import flatten_projections
from kgkeras.text.layered_encoder import LayeredEncoder, freeze_layers, frozen_layers
from kgkeras.text.own_positions import OwnPositions
from kgkeras.text.word_piece_tokenizer import WordPieceTokenizer


@serializable
class PretrainedEncoder(LayeredEncoder):
    """Gives a KerasHub backbone the inputs and the output of our encoders.

    A saved encoder comes back with the same layers of the backbone frozen.

    Args:
        backbone: `keras_hub.models.Backbone` that takes `token_ids` and `padding_mask` and, if it
            knows segments, `segment_ids`, which are all 0 here.

    Call arguments:
        inputs: dict of `token_ids`, int `(batch, tokens)`, and `padding_mask`, bool
            `(batch, tokens)`: True at tokens.

    Returns:
        Float tensor `(batch, tokens, dim)`: the last layer's output, zeros at padding.

    Raises:
        ValueError: If the backbone takes other inputs.
    """

    def __init__(self, backbone, **kwargs):
        inputs = getattr(backbone, "input", None)
        names = set(inputs) if isinstance(inputs, dict) else set()
        if names - {"segment_ids"} != {"token_ids", "padding_mask"}:
            raise ValueError(
                "`backbone` must take token_ids, padding_mask and perhaps segment_ids. "
                f"Received: {type(backbone).__name__} that takes {sorted(names)}."
            )
        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
        }
        flatten_projections(backbone)
        x = _words(backbone(_backbone_inputs(backbone, inputs)))
        super().__init__(inputs, _without_padding(x, inputs), **kwargs)

        if hasattr(backbone, "pooled_dense"):
            # BERT's sentence vector is not used: weights that never get a gradient stay out.
            backbone.pooled_dense.trainable = False
        self.backbone = backbone
        self.lora_rank = None
        self.dim, self.num_layers = int(x.shape[-1]), len(_stack(backbone))

    @property
    def token_embedding(self):
        """The layer of the tokens' vectors, which a masked language model also tells tokens by."""
        return self.backbone.token_embedding

    def encode_layers(self, between, inputs):
        """As in `LayeredEncoder`.

        Raises:
            ValueError: If the backbone is no plain stack of layers: BERT, DistilBERT, RoBERTa,
                XLM-RoBERTa and ELECTRA are.
        """
        stack = _stack(self.backbone)
        if not stack:
            raise ValueError(
                "`backbone` must be a plain stack of Transformer layers. "
                f"Received: {type(self.backbone).__name__}."
            )
        positions, seen = inputs.get("positions"), inputs.get("attention_mask")
        inputs = _backbone_inputs(self.backbone, inputs)
        x = _embedded(self.backbone, stack, inputs, positions)
        for number, layer in enumerate(stack):
            x = between(number, x)
            x = layer(x, padding_mask=inputs["padding_mask"], attention_mask=seen)
        return _without_padding(between(len(stack), x), inputs)

    def enable_lora(self, rank):
        """Freezes the backbone, and adds to queries and values a product of two thin matrices.

        To be called before the model is compiled. A file holds the sums: a reloaded encoder gives
        the same numbers, and learns on with new matrices.

        Args:
            rank: The thin side of the matrices.

        Raises:
            ValueError: If `rank` is not a positive integer, or it was called before.

        Reference: Hu et al., LoRA, ICLR 2022.
        """
        rank = positive_int("rank", rank)
        if self.lora_rank is not None:
            raise ValueError(
                f"`enable_lora` can be called once. It has been, with rank={self.lora_rank}."
            )
        self.backbone.enable_lora(rank)
        self.lora_rank = rank
        self.lora = _NewMatrices(self.backbone, name="lora")

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "frozen": frozen_layers(self.backbone),
            "lora_rank": self.lora_rank,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        frozen, lora_rank = config.pop("frozen", ()), config.pop("lora_rank", None)
        backbone = keras.saving.deserialize_keras_object(config.pop("backbone"))
        encoder = cls(backbone, **config)
        if lora_rank is None:
            freeze_layers(backbone, frozen)
        else:
            encoder.enable_lora(lora_rank)
        return encoder


class _NewMatrices(keras.layers.Layer):
    """Makes the first matrices of LoRA anew whenever weights are loaded.

    Keras adds the products to the kernels in a file, and sets both matrices to zero when it reads
    one: neither would get a gradient ever after. Files are read in the order of attributes' names,
    so this one, `lora`, comes behind `backbone`.
    """

    def __init__(self, backbone, **kwargs):
        super().__init__(**kwargs)
        # Not an attribute of its own, which would be saved twice.
        self._adapted = lambda: [
            layer for layer in backbone._flatten_layers() if getattr(layer, "lora_enabled", False)
        ]
        self.built = True

    def load_own_variables(self, store):
        new = keras.initializers.HeUniform()
        for layer in self._adapted():
            matrix = layer.lora_kernel_a
            matrix.assign(new(matrix.shape, dtype=matrix.dtype))


def _backbone_inputs(backbone, inputs):
    """What the backbone takes, of what the encoder takes."""
    inputs = {
        "token_ids": ops.cast(inputs["token_ids"], "int32"),
        "padding_mask": ops.cast(inputs["padding_mask"], "int32"),
    }
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = ops.zeros_like(inputs["token_ids"])
    return inputs


def _embedded(backbone, stack, inputs, positions):
    """What enters the first layer, for tokens that stand at `positions`; in order where None."""
    symbolic, first = dict(backbone.input), stack[0].input[0]
    if positions is not None:
        kind = keras_hub.layers.PositionEmbedding
        layer = next((layer for layer in backbone.layers if isinstance(layer, kind)), None)
        if layer is None:
            raise ValueError(
                "`positions` need a backbone that has a PositionEmbedding by itself, such as "
                f"BERT. Received: {type(backbone).__name__}."
            )
        symbolic[layer.output.name] = layer.output
        inputs = {**inputs, layer.output.name: OwnPositions(layer)(positions)}
    return keras.Model(symbolic, first, name="stem")(inputs)


def _words(output):
    return output["sequence_output"] if isinstance(output, dict) else output


def _without_padding(words, inputs):
    mask = ops.expand_dims(ops.cast(inputs["padding_mask"], "bool"), -1)
    return ops.where(mask, words, ops.zeros((), words.dtype))


def _stack(backbone):
    """The backbone's layers, if it is one after the other and nothing behind; else none."""
    layers = getattr(backbone, "transformer_layers", None) or []
    first = getattr(layers[0], "input", None) if layers else None
    # Each takes words and a padding mask, as neither groups nor relative positions do.
    if not isinstance(first, list) or [len(x.shape) for x in first] != [3, 2]:
        return []
    return list(layers) if layers[-1].output is _words(backbone.output) else []


def load_encoder(preset, markers=(), load_weights=True, **options):
    """Loads a pretrained encoder and its tokenizer.

    Args:
        preset: Name of a KerasHub preset (`"bert_base_en"`, `"hf://..."`), or a folder: a Keras
            preset, or a Hugging Face model (`config.json`, `vocab.txt`, `model.safetensors`).
        markers: Strings such as `"<e1>"` that the tokenizer keeps whole.
        load_weights: False gives random weights, for tests and for training from scratch.
        **options: Passed on to the backbone, such as `dropout` or `dtype`.

    Returns:
        `(PretrainedEncoder, WordPieceTokenizer)`.

    Raises:
        FileNotFoundError: If `preset` is a path where there is no model.
        ValueError: If the model does not use word pieces.
    """
    preset = str(preset)
    tokenizer_options = _tokenizer_options(preset)
    tokenizer = keras_hub.models.Tokenizer.from_preset(preset, **tokenizer_options)
    tokenizer = WordPieceTokenizer(tokenizer, markers)
    backbone = keras_hub.models.Backbone.from_preset(preset, load_weights=load_weights, **options)
    return PretrainedEncoder(backbone), tokenizer


def _tokenizer_options(preset):
    """Checks a preset that is a path; what KerasHub forgets of a Hugging Face tokenizer."""
    folder = pathlib.Path(preset)
    is_path = folder.exists() or folder.is_absolute() or preset.startswith((".", "~" + os.sep))
    if "://" in preset or not is_path:
        return {}
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"No pretrained model in {preset}: looked for the file config.json, of a Keras preset "
            "or a Hugging Face model."
        )
    if "model_type" not in json.loads((folder / "config.json").read_text(encoding="utf-8")):
        return {}
    for name in ("vocab.txt", "tokenizer_config.json"):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"No word-piece tokenizer in {preset}: looked for the file {name}."
            )
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    strip_accents = settings.get("strip_accents")
    # BERT strips accents where it lowercases, unless told otherwise.
    return {"strip_accents": settings["do_lower_case"] if strip_accents is None else strip_accents}
