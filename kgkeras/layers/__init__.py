"""Layers: lookups of entities and relations, fusion with text, pooling, reading of triples."""

from kgkeras.layers.adapter import Adapter
from kgkeras.layers.attention_fusion import AttentionFusion
from kgkeras.layers.choices import ChoiceRows, RowChoices
from kgkeras.layers.classification_head import ClassificationHead
from kgkeras.layers.concat_fusion import ConcatFusion
from kgkeras.layers.described_triples import DescribedTriples
from kgkeras.layers.embeddings import EntityEmbedding, RelationEmbedding
from kgkeras.layers.entity_query import EntityQuery
from kgkeras.layers.fused_entities import FusedEntityEmbedding
from kgkeras.layers.fusion import Fusion
from kgkeras.layers.gated_fusion import GatedFusion
from kgkeras.layers.hop_reader import HopReader
from kgkeras.layers.interaction_fusion import InteractionFusion
from kgkeras.layers.marked_entities import MarkedEntities
from kgkeras.layers.mean_pooling import MeanPooling
from kgkeras.layers.mention_ids import MentionIds
from kgkeras.layers.node_relevance import NodeRelevance
from kgkeras.layers.pair_reader import PairReader
from kgkeras.layers.sum_fusion import SumFusion
from kgkeras.layers.text_node import TextNode
from kgkeras.layers.token_pooling import TokenPooling
from kgkeras.layers.transformer_adapter import TransformerAdapter
from kgkeras.layers.triple_embedding import TripleEmbedding
from kgkeras.layers.triple_reader import TripleReader

__all__ = [
    "Adapter",
    "AttentionFusion",
    "ChoiceRows",
    "ClassificationHead",
    "ConcatFusion",
    "DescribedTriples",
    "EntityEmbedding",
    "EntityQuery",
    "FusedEntityEmbedding",
    "Fusion",
    "GatedFusion",
    "HopReader",
    "InteractionFusion",
    "MarkedEntities",
    "MeanPooling",
    "MentionIds",
    "NodeRelevance",
    "PairReader",
    "RelationEmbedding",
    "RowChoices",
    "SumFusion",
    "TextNode",
    "TokenPooling",
    "TransformerAdapter",
    "TripleEmbedding",
    "TripleReader",
]
