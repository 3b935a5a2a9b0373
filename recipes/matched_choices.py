"""Multiple choice by a bi-encoder, which may learn facts first, for `multiple_choice.py`."""

import pathlib

import kgkeras  # before Keras: it sets TensorFlow's defaults

# isort: split
import keras
import nominals

from kgkeras import losses, models, pipelines, training

MAX_TOKENS = 8  # of an entity's name: most have fewer, and batches are as long as the longest
SORT_WINDOW = 16  # batches
# What is told of ConceptNet's entities, as heads and as tails, in words nearer to questions than
# the relations' names.
PHRASES = {
    "AtLocation": ("is found at", "what is found there"),
    "CapableOf": ("can", "what can do this"),
    "Causes": ("causes", "what causes this"),
    "CausesDesire": ("makes you want to", "what makes you want this"),
    "DefinedAs": ("is defined as", "what is defined as this"),
    "Desires": ("wants", "who wants this"),
    "HasA": ("has", "what has this"),
    "HasFirstSubevent": ("what do you do first", "what begins with this"),
    "HasLastSubevent": ("what do you do last", "what ends with this"),
    "HasPrerequisite": ("what must you do first", "what do you do this for"),
    "HasProperty": ("is", "what is like this"),
    "HasSubevent": ("what do you do meanwhile", "during what do you do this"),
    "IsA": ("is a kind of", "what is a kind of it"),
    "MadeOf": ("is made of", "what is made of this"),
    "MotivatedByGoal": ("you do this because you want", "what do you do if you want this"),
    "NotCapableOf": ("cannot", "what cannot do this"),
    "NotDesires": ("does not want", "who does not want this"),
    "PartOf": ("is part of", "what is part of it"),
    "ReceivesAction": ("can be", "what can be treated so"),
    "UsedFor": ("is used for", "what is used for this"),
}


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
    phrases = {name: pair for name, pair in PHRASES.items() if name in facts.relations}
    texts = pipelines.TripleTexts.from_graph(
        facts, tokenizer, max_tokens=MAX_TOKENS, phrases=phrases
    )
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
            sort_window=SORT_WINDOW,
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
