"""Input pipelines: texts and triples in, batches of plain tensors out."""

from kgkeras.pipelines.encoded_words import encode_words
from kgkeras.pipelines.fact_questions import fact_questions
from kgkeras.pipelines.graph_tasks import graph_task_batches
from kgkeras.pipelines.graph_texts import entity_graphs, graph_text_batches
from kgkeras.pipelines.joint import joint_batches, steps_per_epoch
from kgkeras.pipelines.known_triples import KnownTriples
from kgkeras.pipelines.masked_texts import masked_text_batches
from kgkeras.pipelines.masking import Masking
from kgkeras.pipelines.mixed_batches import mixed_batches, task_batches
from kgkeras.pipelines.one_vs_all import one_vs_all_batches
from kgkeras.pipelines.passes import triple_steps
from kgkeras.pipelines.query_batches import query_batches, query_steps
from kgkeras.pipelines.sampled import sampled_batches
from kgkeras.pipelines.sentence_pairs import join_sentences
from kgkeras.pipelines.subgraph_examples import encode_subgraph, parse_subgraphs
from kgkeras.pipelines.subgraphs import SubgraphSampler, subgraph_batches
from kgkeras.pipelines.tagged_texts import encode_tagged, tags_of_words
from kgkeras.pipelines.task_rates import annealed_task_rates, task_rates
from kgkeras.pipelines.task_subgraph import TaskSubgraph
from kgkeras.pipelines.text_triples import text_triple_batches
from kgkeras.pipelines.texts import encode_choices, encode_pairs, encode_texts, text_batches
from kgkeras.pipelines.triple_texts import TripleTexts

__all__ = [
    "KnownTriples",
    "Masking",
    "SubgraphSampler",
    "TaskSubgraph",
    "TripleTexts",
    "annealed_task_rates",
    "encode_choices",
    "encode_pairs",
    "encode_subgraph",
    "encode_tagged",
    "encode_texts",
    "encode_words",
    "entity_graphs",
    "fact_questions",
    "graph_task_batches",
    "graph_text_batches",
    "join_sentences",
    "joint_batches",
    "masked_text_batches",
    "mixed_batches",
    "one_vs_all_batches",
    "parse_subgraphs",
    "query_batches",
    "query_steps",
    "sampled_batches",
    "steps_per_epoch",
    "subgraph_batches",
    "tags_of_words",
    "task_batches",
    "task_rates",
    "text_batches",
    "text_triple_batches",
    "triple_steps",
]
