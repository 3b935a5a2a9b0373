"""Vectors of entities' texts by an encoder, tuned or as it comes, for `text_link_prediction.py`."""

import pathlib

import kgkeras  # before Keras: it sets TensorFlow's defaults

# isort: split
import keras
import numpy as np

from kgkeras import evaluation, losses, models, pipelines, training

# What a tuned encoder depends on.
SETTINGS = "data encoder dtype max_tokens max_neighbours frozen_layers seed devices limit".split()


def make_encoder(config, splits):
    """A new encoder and its tokenizer."""
    if config.encoder == "lstm":
        graph = splits.train
        texts = [*map(graph.entity_name, range(graph.num_entities)), "inverse of"]
        texts += [*map(graph.relation_name, range(graph.num_relations))]
        texts += graph.entity_texts.descriptions
        tokenizer = kgkeras.text.WordTokenizer.from_texts(texts)
        return kgkeras.text.LSTMEncoder(tokenizer.vocabulary_size, config.dim), tokenizer
    dtype = "mixed_bfloat16" if config.dtype == "bfloat16" else "float32"
    encoder, tokenizer = kgkeras.text.load_encoder(config.encoder, dtype=dtype)
    for number, layer in enumerate(encoder.backbone.transformer_layers):
        layer.trainable = number >= config.frozen_layers
    for layer in encoder.backbone.layers:
        # The tokens' vectors are half of a small encoder's weights: training them brings little.
        if "embedding" in layer.name and (config.frozen_layers or "token" in layer.name):
            layer.trainable = False
    return encoder, tokenizer


def make_model(config, splits, encoder):
    """A compiled bi-encoder."""
    steps = pipelines.triple_steps(splits.train.with_inverses(), config.tune_batch_size)
    warmup = dict(warmup_target=config.tune_rate, warmup_steps=max(steps // 10, 1))
    decay_steps = max(steps * config.tune_epochs, 1)
    schedule = keras.optimizers.schedules.CosineDecay(0.0, decay_steps, **warmup)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=10.0)
    model = models.TextLinkPredictor(encoder)
    model.compile(optimizer, losses.CrossEntropyLoss(), jit_compile=False)
    return model


def tune(config, splits, texts, model):
    """Tunes a bi-encoder, or goes on with it."""
    told = splits.train.with_inverses()
    steps = pipelines.triple_steps(told, config.tune_batch_size)
    names = [*SETTINGS, *(name for name in vars(config) if name.startswith("tune_"))]
    if config.encoder == "lstm":
        names.append("dim")
    settings = {name: getattr(config, name) for name in names}
    folder = pathlib.Path(config.run) / "encoder"
    run = training.TrainingRun(folder, settings, monitor="loss", resume=config.resume)
    first_epoch = run.restore(model)
    if not run.finished:
        model.fit(
            pipelines.text_triple_batches(
                told,
                texts,
                batch_size=config.tune_batch_size,
                self_negatives=config.tune_self_negatives,
                first_epoch=first_epoch,
                seed=config.seed,
            ),
            initial_epoch=first_epoch,
            epochs=config.tune_epochs,
            steps_per_epoch=steps,
            callbacks=run.callbacks(),
            shuffle=False,
        )
    run.load_best(model)


def read_texts(config, splits, other, console):
    """Vectors of the entities to learn of and to test on; the tuned encoder's index and metrics.

    The last two are None where it is not tuned. The run's `texts.npz` keeps the vectors, for
    `graph_link_prediction.py --texts`.
    """
    training.set_seed(config.seed)
    cacheable = not config.max_neighbours and config.encoder != "lstm"
    with training.make_strategy(config.devices).scope():
        encoder, tokenizer = make_encoder(config, splits)
        learn, test = (
            pipelines.TripleTexts.from_graph(
                graph, tokenizer, max_tokens=config.max_tokens, max_neighbours=config.max_neighbours
            )
            for graph in (splits.train, other.train)
        )
        if config.tune_epochs and config.frozen_layers and cacheable:
            console.print("Reading all texts by the frozen layers.")
            encoder, learn, test = learn.cached(encoder, config.frozen_layers, test)
        model = make_model(config, splits, encoder)
    tuned = bool(config.tune_epochs)
    if tuned:
        console.rule("the encoder")
        tune(config, splits, learn, model)
    indices = [model.index(learn)]
    if other is not splits:
        indices.append(model.index(test))
    metrics = evaluation.rank(indices[-1], other.test, other).metrics() if tuned else None
    # Their elements are about 1, as those of other layers are.
    vectors = [index.entity_vectors() * np.sqrt(model.dim) for index in indices]
    folder = pathlib.Path(config.run)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "texts.npz", training=vectors[0], test=vectors[-1])
    return vectors[0], vectors[-1], indices[0] if tuned else None, metrics
