"""Multiple choice by a bi-encoder, which may learn facts first, for `multiple_choice.py`."""

import pathlib

import kgkeras  # before Keras: it sets TensorFlow's defaults

# isort: split
import keras
import nominals

from kgkeras import losses, models, pipelines, training

MAX_TOKENS = 8  # of an entity's name: most have fewer, and batches are as long as the longest


def make_model(config, encoder, tokenizer, facts, folder):
    """A `ChoiceMatcher` over an encoder which, with a graph, has learned its facts.

    Args:
        config: The recipe's configuration.
        encoder: The encoder of all texts.
        tokenizer: Its tokenizer.
        facts: The graph whose facts it learns first, or None.
        folder: Of the run of that.
    """
    links = models.TextLinkPredictor(encoder)
    # The tokens' vectors are half of a small encoder's weights: training them brings little.
    if isinstance(encoder, kgkeras.text.PretrainedEncoder):
        encoder.token_embedding.trainable = False
    if facts is not None:
        learn_facts(config, links, tokenizer, facts, folder)
    return models.ChoiceMatcher(links)


def learn_facts(config, links, tokenizer, facts, folder):
    """Tells the tail of facts from other tails by words alone, or goes on with it."""
    texts = pipelines.TripleTexts.from_graph(facts, tokenizer, max_tokens=MAX_TOKENS)
    steps, total = config.fact_steps, config.fact_steps * config.fact_epochs
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, total, warmup_target=config.learning_rate, warmup_steps=max(total // 10, 1)
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=10.0)
    links.compile(optimizer, losses.CrossEntropyLoss(), jit_compile=False)
    run = training.TrainingRun(
        pathlib.Path(folder), nominals.settings(config), monitor="loss", resume=config.resume
    )
    first_epoch = run.restore(links)
    if not run.finished:
        batches = pipelines.text_triple_batches(
            facts.with_inverses(),
            texts,
            batch_size=config.fact_batch_size,
            self_negatives=False,
            both_directions=True,
            first_epoch=first_epoch,
            steps_per_epoch=steps,
            seed=config.seed,
        )
        links.fit(
            batches,
            initial_epoch=first_epoch,
            epochs=config.fact_epochs,
            steps_per_epoch=steps,
            callbacks=run.callbacks(),
            shuffle=False,
        )
    run.load_best(links)
