"""Exports a model of any kind."""

import dataclasses
import functools
from collections.abc import Callable

from kgkeras.agents import KnowledgeWriter, PathReasoner
from kgkeras.checks import describe
from kgkeras.export.choices import export_choice_matcher, export_knowledge_classifier
from kgkeras.export.joint import export_joint_model
from kgkeras.export.knowledge_writer import export_knowledge_writer
from kgkeras.export.link_predictor import export_link_predictor
from kgkeras.export.masked_lm import export_masked_lm
from kgkeras.export.multitask import export_multitask_model
from kgkeras.export.path_reasoner import export_path_reasoner
from kgkeras.export.question_answerer import export_question_answerer
from kgkeras.export.text_links import export_text_index, export_text_link_predictor
from kgkeras.export.token_tagger import export_token_tagger
from kgkeras.models import (
    ChoiceMatcher,
    EnsemblePredictor,
    EntityTyper,
    GraphTextModel,
    JointModel,
    KnowledgeClassifier,
    KnowledgeDistillation,
    KnowledgeMaskedLM,
    LinkPredictor,
    MultiTaskModel,
    PathPredictor,
    QuestionAnswerer,
    RelationClassifier,
    TextIndex,
    TextLinkPredictor,
    TokenTagger,
)


@dataclasses.dataclass(frozen=True)
class _Kind:
    """How models of one kind are exported.

    Attributes:
        export: The function that does it.
        needs: Names of the arguments of `export_model` that it must be given.
        takes: Names of those that it may be given.
    """

    export: Callable
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


_LINKS = _Kind(export_link_predictor, takes=("known", "k"))
_TEXTS = _Kind(export_joint_model, ("preprocessor", "graph", "classes"), ("samples",))
_TEXTS_ONLY = _Kind(
    functools.partial(export_joint_model, graph=None), ("preprocessor", "classes"), ("samples",)
)
_KINDS = {
    LinkPredictor: _LINKS,
    PathPredictor: _LINKS,
    EnsemblePredictor: _LINKS,
    JointModel: _TEXTS,
    RelationClassifier: _TEXTS,
    EntityTyper: _TEXTS,
    TokenTagger: _Kind(export_token_tagger, ("preprocessor", "graph", "classes"), ("samples",)),
    KnowledgeClassifier: _Kind(
        export_knowledge_classifier, ("preprocessor", "graph"), ("classes", "samples")
    ),
    ChoiceMatcher: _Kind(export_choice_matcher, ("preprocessor",), ("samples",)),
    QuestionAnswerer: _Kind(export_question_answerer, ("preprocessor", "graph"), ("samples",)),
    PathReasoner: _Kind(export_path_reasoner, ("graph",), ("preprocessor", "k", "samples")),
    KnowledgeWriter: _Kind(export_knowledge_writer, takes=("samples",)),
    KnowledgeMaskedLM: _Kind(export_masked_lm, ("preprocessor", "graph"), ("k", "samples")),
    MultiTaskModel: _Kind(
        export_multitask_model, ("preprocessor", "graph"), ("classes", "k", "samples")
    ),
    TextLinkPredictor: _Kind(
        export_text_link_predictor, ("preprocessor", "graph"), ("known", "k", "samples")
    ),
    TextIndex: _Kind(export_text_index, ("preprocessor",), ("known", "k", "samples")),
}
_TEXT_ONLY = {
    JointModel: _TEXTS_ONLY,
    RelationClassifier: _TEXTS_ONLY,
    EntityTyper: _TEXTS_ONLY,
    TokenTagger: _Kind(
        functools.partial(export_token_tagger, graph=None),
        ("preprocessor", "classes"),
        ("samples",),
    ),
    KnowledgeClassifier: _Kind(
        export_knowledge_classifier, ("preprocessor",), ("classes", "samples")
    ),
    KnowledgeMaskedLM: _Kind(
        functools.partial(export_masked_lm, graph=None), ("preprocessor",), ("k", "samples")
    ),
}


def export_model(
    model,
    base,
    *,
    preprocessor=None,
    graph=None,
    classes=None,
    known=None,
    k=None,
    samples=None,
    card=None,
    version=None,
):
    """Writes a model as a SavedModel that takes and gives names, by the exporter of its class.

    | model | needs | takes | see |
    |---|---|---|---|
    | `LinkPredictor`, `PathPredictor` | | `known`, `k` | `export_link_predictor` |
    | `EnsemblePredictor` | | `known`, `k` | the same |
    | `JointModel` | `preprocessor`, `graph`, `classes` | `samples` | `export_joint_model` |
    | `RelationClassifier` | `preprocessor`, `graph`, `classes` | `samples` | the same |
    | `EntityTyper` | `preprocessor`, `graph`, `classes` | `samples` | the same |
    | `TokenTagger` | `preprocessor`, `graph`, `classes` | `samples` | `export_token_tagger` |
    | the four without a graph | `preprocessor`, `classes` | `samples` | as with one |
    | `KnowledgeClassifier` | `preprocessor`, `graph` | `classes`, `samples` | see below |
    | the same without tables | `preprocessor` | `classes`, `samples` | see below |
    | `ChoiceMatcher` | `preprocessor` | `samples` | `export_choice_matcher` |
    | `QuestionAnswerer` | `preprocessor`, `graph` | `samples` | `export_question_answerer` |
    | `PathReasoner` | `graph` | `preprocessor`, `k`, `samples` | `export_path_reasoner` |
    | `KnowledgeWriter` | | `samples` | `export_knowledge_writer` |
    | `KnowledgeMaskedLM` | `preprocessor`, `graph` | `k`, `samples` | `export_masked_lm` |
    | the same without a graph | `preprocessor` | `k`, `samples` | the same |
    | `MultiTaskModel` | `preprocessor`, `graph` | `classes`, `k`, `samples` | see below |
    | `TextIndex` | `preprocessor` | `known`, `k`, `samples` | `export_text_index` |
    | `TextLinkPredictor` | `preprocessor`, `graph` | `known`, `k`, `samples` | the same |

    A `KnowledgeClassifier` is written by `export_knowledge_classifier`, a `MultiTaskModel` by
    `export_multitask_model`, which take classes and samples by the name of the task; of a
    `KnowledgeDistillation`, its student is exported. A `GraphTextModel` also needs the sampler of
    its subgraphs: use `export_graph_text_model`.

    Args:
        model: The model.
        base: Folder of the model's versions.
        preprocessor: The `kgkeras.text.Preprocessor` it was trained with.
        graph: The `kgkeras.kg.KnowledgeGraph` it was trained with; of a `TextLinkPredictor`, that
            of the entities to answer about.
        classes: Names of the classes.
        known: `kg.KnowledgeGraph` whose own facts are left out of the answers.
        k: Number of answers; 10 where None.
        samples: Typical texts: the server's warmup requests.
        card: Dict that JSON can hold, kept beside the model.
        version: Number of the version; the next free one where None.

    Returns:
        `pathlib.Path` of the new version.

    Raises:
        ValueError: If the model is of no such class, lacks an argument or does not take one, or as
            its exporter does.
        ExportError: If TensorFlow Serving could not serve the result.
    """
    model = model.student if isinstance(model, KnowledgeDistillation) else model
    kind = _kind(model)
    arguments = {
        "preprocessor": preprocessor,
        "graph": graph,
        "classes": classes,
        "known": known,
        "k": k,
        "samples": samples,
    }
    given = {name: value for name, value in arguments.items() if value is not None}
    _check_given(model, kind, given)
    return kind.export(model, base=base, card=card, version=version, **given)


def _kind(model):
    if isinstance(model, GraphTextModel):
        raise ValueError(
            "A GraphTextModel needs the SubgraphSampler that it was trained with, which is not "
            "part of it: use `kgkeras.export.export_graph_text_model`."
        )
    text_only = isinstance(model, tuple(_TEXT_ONLY)) and model.triples is None
    for model_class, kind in (_TEXT_ONLY if text_only else _KINDS).items():
        if isinstance(model, model_class):
            return kind
    names = ", ".join(model_class.__name__ for model_class in _KINDS)
    raise ValueError(f"`model` must be one of {names}. {describe(model)}.")


def _check_given(model, kind, given):
    missing = [name for name in kind.needs if name not in given]
    surplus = [name for name in given if name not in (*kind.needs, *kind.takes)]
    if not missing and not surplus:
        return
    name = type(model).__name__ + (" without a graph" if kind in _TEXT_ONLY.values() else "")
    needs = f"needs {_listed(kind.needs)} and " if kind.needs else ""
    message = f"A {name} {needs}takes {_listed(kind.takes)}."
    message += f" Not given: {_listed(missing)}." if missing else ""
    message += f" Given, but not taken: {_listed(surplus)}." if surplus else ""
    raise ValueError(message)


def _listed(names):
    return ", ".join(f"`{name}`" for name in names)
